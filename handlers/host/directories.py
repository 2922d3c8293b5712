"""Makes directories, and the names in them, so that a power failure does not take them away."""

import os
from contextlib import suppress
from pathlib import Path


def make(directory: Path, mode: int) -> None:
    """Make it with whatever is missing above it; each new level is durable before the next one.

    One that is there stays as it is. Raises OSError.
    """
    if directory.is_dir():
        return
    if directory.parent != directory:
        make(directory.parent, mode)
    with suppress(FileExistsError):
        directory.mkdir(mode)
    # Something else of that name is told as what it is.
    os.scandir(directory).close()
    sync(directory.parent)


def sync(directory: Path) -> None:
    """Make the names in a directory durable: to sync a file does not make its name so."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
