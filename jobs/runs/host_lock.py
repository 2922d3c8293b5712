"""The one lock under which the host is changed, with a holder that people can read."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from handlers.errors import Reason, Refused
from jobs.runs.fields import Fields, Unreadable

LOCK_FILE = "host.lock"
#: Another one that is just letting go is waited for.
PATIENCE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who changes the host."""

    job: int
    attempt: int
    operation: str
    since: datetime
    pid: int


@contextmanager
def hold(file: Path, holder: Holder) -> Iterator[None]:
    """Hold the lock; Refused with the holder's name while another run has it.

    The kernel lets go of it when the process dies, whatever way.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        with suppress(PermissionError):
            os.fchown(descriptor, -1, file.parent.stat().st_gid)
        _take(descriptor, file)
        try:
            _write(descriptor, json.dumps(asdict(holder), default=datetime.isoformat))
            yield
        finally:
            _write(descriptor, "")
    finally:
        os.close(descriptor)


def read_holder(file: Path) -> Holder | None:
    """Who wrote the name last; after a crash the lock itself may be free."""
    try:
        text = file.read_text()
        record = Fields.parse(text, file.name)
        return Holder(
            record.whole("job"),
            record.whole("attempt"),
            record.text("operation"),
            record.moment("since"),
            record.whole("pid"),
        )
    except (FileNotFoundError, Unreadable):
        return None


def _take(descriptor: int, file: Path) -> None:
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() >= deadline:
            raise _busy(read_holder(file))
        time.sleep(0.05)


def _busy(holder: Holder | None) -> Refused:
    who = "Another run" if holder is None else f"Job {holder.job} (`{holder.operation}`)"
    since = "" if holder is None else f" since {holder.since:%Y-%m-%d %H:%M} UTC"
    return Refused(
        f"{who} is changing this host{since}.",
        reason=Reason.BUSY,
        hint=None if holder is None else f"See `job {holder.job}`, and try again after it.",
    )


def _write(descriptor: int, text: str) -> None:
    # A full disk costs the name, not the lock.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
