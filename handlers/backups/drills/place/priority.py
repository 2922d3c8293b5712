"""Lets what a drill does wait for everybody else: it is never urgent."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from handlers.errors import HostFailure
from handlers.host import processes

NICENESS = 10
#: Best effort, after all others of that class; `idle` might never come to its turn.
_LAST = ("--class", "2", "--classdata", "7")
_USUAL = ("--class", "0")
_LIMIT = timedelta(seconds=10)


@contextmanager
def behind_others() -> Iterator[None]:
    """This thread, and all that it starts from now on, gets what others leave of processor and
    disk. Where that cannot be had, the drill goes on all the same."""
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, max(before, NICENESS))
    _in_queue(thread, _LAST)
    try:
        yield
    finally:
        # Only root may go forward again; whoever is not ends with the drill in any case.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, before)
        _in_queue(thread, _USUAL)


def _in_queue(thread: int, place: tuple[str, ...]) -> None:
    with suppress(HostFailure):
        processes.run(("ionice", *place, "--pid", str(thread)), timeout=_LIMIT, check=False)
