"""Keeps a second bot from serving the same state directory."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from handlers.errors import OpsError, Reason

#: Whoever has just taken the lock has still to write down who it is.
_PATIENCE_SECONDS = 0.5
_LONGEST_NAME_BYTES = 200


class AlreadyRunningError(OpsError):
    """Another bot holds the lock; the message says which process, and since when."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            f"Another zulip-ops holds {path} ({holder or 'unknown process'}).",
            reason=Reason.BUSY,
            hint="End it first, or name another [state] directory.",
        )


@contextmanager
def held_lock(path: Path) -> Iterator[None]:
    """The lock, as long as the block lasts or the process lives; raises AlreadyRunningError.

    The kernel's lock decides alone: a name that a killed process left behind means nothing.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(path, _holder(descriptor)) from None
        _write(descriptor, f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")
        yield
        _write(descriptor, "")
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """What the holder wrote of itself, once it has."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        written = os.pread(descriptor, _LONGEST_NAME_BYTES, 0).decode("utf-8", "replace")
        if written.endswith("\n") or time.monotonic() >= until:
            return written.strip()
        time.sleep(0.02)


def _write(descriptor: int, text: str) -> None:
    # A full disk costs the name, not the lock.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
