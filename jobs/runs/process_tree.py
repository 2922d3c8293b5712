"""Finds and ends every process of a run, also those that left its session."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from handlers.host import process_table
from handlers.host.process_table import Entry
from handlers.host.processes import RUN_MARKER

_ROUNDS = 50
_PAUSE_SECONDS = 0.02


def members(folder: Path, session: int | None = None) -> list[Entry]:
    """All but ourselves: by the marker in their environment, by session, and by descent."""
    running = {entry.pid: entry for entry in process_table.entries()}
    found = {
        entry.pid
        for entry in running.values()
        if entry.session == session
        or process_table.has_in_environment(entry.pid, RUN_MARKER, str(folder))
    }
    while children := {e.pid for e in running.values() if e.parent in found} - found:
        found |= children
    return [running[pid] for pid in found - {os.getpid()}]


def end(folder: Path, session: int | None = None, *, grace: timedelta = timedelta(0)) -> bool:
    """TERM to all, KILL to what is left after the grace; False when some cannot be ended."""
    if grace:
        ask(members(folder, session))
        deadline = time.monotonic() + grace.total_seconds()
        while members(folder, session) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
    for _ in range(_ROUNDS):
        # Once more each time: what forked between the look and the signal is found by the next.
        left = members(folder, session)
        if not left:
            return True
        _signal(left, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)
    return False


def ask(entries: Iterable[Entry]) -> None:
    """TERM, to be followed or not."""
    _signal(entries, signal.SIGTERM)


def _signal(entries: Iterable[Entry], number: signal.Signals) -> None:
    for entry in entries:
        with suppress(ProcessLookupError, PermissionError):
            descriptor = os.pidfd_open(entry.pid)
            try:
                # The descriptor cannot come to mean another process between look and signal.
                if process_table.is_same_process(entry.pid, entry.start_time):
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
