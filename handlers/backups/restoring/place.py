"""A new directory that is filled with files as root, although others own what lies around it."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

#: Of the directories while they are filled: nobody else reaches what is in them.
PRIVATE = 0o700
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Place:
    """Names are walked from a directory that was opened once, and no link on the way is followed.

    Whoever owns the directory around it can rename it meanwhile, but not lead us elsewhere: until
    `hand_over` everything in it belongs to us, and only we can enter it. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(PRIVATE)
        self._root = os.open(path, _DIRECTORY)
        #: The directory that was written to last: most files come together.
        self._present: tuple[str, int] | None = None
        self._directories: list[str] = []
        self._links: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._leave_present()
        os.close(self._root)

    def new_file(self, path: str) -> int:
        """A descriptor to write to; ValueError for a path that leads out."""
        below, name = _parts(path)
        return os.open(name, _NEW_FILE, 0o600, dir_fd=self._directory(below))

    def add_link(self, path: str, target: str) -> None:
        """A symbolic link; made when all files are there, so that none is written through it."""
        _parts(path)
        self._links.append((path, target))

    def hand_over(self, like: os.stat_result) -> None:
        """Make the links, and give the directories the owner and the mode of another one."""
        for path, target in self._links:
            below, name = _parts(path)
            directory = self._directory(below)
            os.symlink(target, name, dir_fd=directory)
            os.chown(name, like.st_uid, like.st_gid, dir_fd=directory, follow_symlinks=False)
        for path in reversed(self._directories):
            self._with_directory(path, lambda it: _give(it, like))
        _give(self._root, like)

    def _directory(self, path: str) -> int:
        """The open directory of that path, made where it is missing."""
        if self._present is not None and self._present[0] == path:
            return self._present[1]
        self._leave_present()
        self._present = (path, self._walk(path))
        return self._present[1]

    def _walk(self, path: str) -> int:
        here, walked = os.dup(self._root), ""
        for name in path.split("/") if path else ():
            walked = f"{walked}/{name}" if walked else name
            try:
                after = self._enter(here, name, walked)
            finally:
                os.close(here)
            here = after
        return here

    def _enter(self, here: int, name: str, walked: str) -> int:
        try:
            return os.open(name, _DIRECTORY, dir_fd=here)
        except FileNotFoundError:
            os.mkdir(name, PRIVATE, dir_fd=here)
            self._directories.append(walked)
            return os.open(name, _DIRECTORY, dir_fd=here)

    def _with_directory(self, path: str, work: Callable[[int], None]) -> None:
        directory = self._walk(path)
        try:
            work(directory)
        finally:
            os.close(directory)

    def _leave_present(self) -> None:
        if self._present is not None:
            os.close(self._present[1])
            self._present = None


def _give(directory: int, like: os.stat_result) -> None:
    os.fchown(directory, like.st_uid, like.st_gid)
    os.fchmod(directory, like.st_mode & 0o777)


def _parts(path: str) -> tuple[str, str]:
    """Directory and name; ValueError where it would lead out."""
    parts = path.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise ValueError(f"{path!a} leads out of the uploads")
    return "/".join(parts[:-1]), parts[-1]
