"""A small file system of its own, for tests that fill one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(path: Path, size_bytes: int, *, inodes: int = 0) -> Iterator[Path]:
    """A tmpfs at `path` until the block ends; 0 inodes: as many as fit."""
    path.mkdir(parents=True, exist_ok=True)
    options = f"size={size_bytes},nr_inodes={inodes},mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def _may_mount() -> bool:
    """Root in a container often may not."""
    if os.geteuid() != 0:
        return False
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return tried.returncode == 0


needs_mount = pytest.mark.skipif(not _may_mount(), reason="mounting needs root")
