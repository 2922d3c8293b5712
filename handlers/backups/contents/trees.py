"""Copies directories of the host into a tar, and says what of them could not go into it."""

import os
import stat
from pathlib import Path

from handlers.backups.tar_stream import TarWriter
from handlers.errors import HostFailure


class TreeCopier:
    """Copies below the root of one host; names in the tar are those on the host."""

    def __init__(self, root: Path, writer: TarWriter) -> None:
        self._root = root
        self._writer = writer
        #: Sentences about what could not go into the tar as it should.
        self.odd: list[str] = []

    def copy(self, path: Path, *, needed: bool = False) -> None:
        """A file, or a directory with all below it; links are kept as links.

        What is `needed` must be readable, else HostFailure; of the rest it is said. What is not
        there at all is nothing to say, unless it is needed.
        """
        try:
            self._copy(path, needed=needed)
        except FileNotFoundError as error:
            if needed:
                raise _unreadable(self._shown(path), error) from error

    def _copy(self, path: Path, *, needed: bool) -> None:
        details = path.lstat()
        name = self._shown(path).lstrip("/")
        try:
            if stat.S_ISDIR(details.st_mode):
                self._copy_directory(path, name, details, needed=needed)
            elif stat.S_ISREG(details.st_mode):
                self._copy_file(path, name)
            elif stat.S_ISLNK(details.st_mode):
                self._copy_link(path, name, details)
            else:
                self.odd.append(f"/{name}, which is neither a file nor a directory.")
        except FileNotFoundError:
            self.odd.append(f"/{name}, which vanished before it could be read.")
        except OSError as error:
            if needed:
                raise _unreadable(f"/{name}", error) from error
            self.odd.append(f"/{name}, which could not be read: {error.strerror}.")

    def _copy_directory(
        self, path: Path, name: str, details: os.stat_result, *, needed: bool
    ) -> None:
        below = sorted(path.iterdir())
        self._writer.add_directory(name, details)
        for each in below:
            self._copy(each, needed=needed)

    def _copy_file(self, path: Path, name: str) -> None:
        if self._writer.add_file(name, os.fsencode(path)).changed:
            self.odd.append(f"/{name} as it was at one moment: it was written to meanwhile.")

    def _copy_link(self, path: Path, name: str, details: os.stat_result) -> None:
        target = os.readlink(path)  # noqa: PTH115 (the target as it stands there)
        self._writer.add_link(name, target, details)
        if Path(target).is_absolute() and not Path(target).is_relative_to(path.parent):
            self.odd.append(f"What /{name} points at ({target}).")

    def _shown(self, path: Path) -> str:
        return str(Path("/") / path.relative_to(self._root))


def _unreadable(shown: str, error: OSError) -> HostFailure:
    return HostFailure(
        f"{shown} could not be read: {error.strerror}.",
        hint="The configuration with its secrets is part of every backup.",
    )
