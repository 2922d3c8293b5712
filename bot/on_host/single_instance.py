"""Keeps a second bot from serving the same state directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handlers.errors import OpsError, Reason


class AlreadyRunningError(OpsError):
    """Another bot holds the lock; the message says which process."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            f"Another zulip-ops holds {path} ({holder or 'unknown process'}).",
            reason=Reason.BUSY,
            hint="End it first, or name another [state] directory.",
        )


@contextmanager
def held_lock(path: Path) -> Iterator[None]:
    """The lock, as long as the block lasts or the process lives; raises AlreadyRunningError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(path, os.pread(descriptor, 200, 0).decode().strip()) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
