"""A directory that keeps copies: every object is written whole, durably and once."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from handlers.errors import HostFailure, Reason
from handlers.host import directories
from handlers.host.store_contract import CHUNK_BYTES, PART, Entry, key_parts, missing, overwrites

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: File systems without hard links say one of these.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})


class LocalStore:
    """A directory, readable by its owner alone."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self._root = root

    def put(self, key: str, data: bytes | bytearray) -> None:
        path = self._path(key)
        try:
            directories.make(path.parent, 0o700)
            _write_once(path, data)
        except FileExistsError:
            raise overwrites(self.name, key) from None
        except OSError as error:
            raise self._failure(error) from error

    def claim(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        try:
            directories.make(path.parent, 0o700)
            _write_once(path, data)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._failure(error) from error
        return True

    def get(self, key: str) -> bytes:
        return b"".join(self.stream(key))

    def stream(self, key: str) -> Iterator[bytes]:
        try:
            with self._path(key).open("rb", buffering=0) as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError:
            raise missing(self.name, key) from None
        except OSError as error:
            raise self._failure(error) from error

    def exists(self, key: str) -> bool:
        return self._path(key).exists()

    def entries(self, prefix: str) -> Iterator[Entry]:
        try:
            yield from self._entries(self._path(prefix.rstrip("/")))
        except OSError as error:
            raise self._failure(error) from error

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink()
            # What is deleted next may rely on this being gone, whatever happens to the power.
            directories.sync(path.parent)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failure(error) from error
        with suppress(OSError):
            path.parent.rmdir()  # refuses while anything else is in it

    def check(self) -> None:
        nearest = self._nearest()
        if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
            raise HostFailure(
                f"Store {self.name}: {nearest} cannot be written.",
                reason=Reason.STORE_FAILED,
                hint="Give the account that runs backups access to the store's directory.",
            )

    def free_bytes(self) -> int | None:
        try:
            figures = os.statvfs(self._nearest())
        except OSError as error:
            raise self._failure(error) from error
        return figures.f_bavail * figures.f_frsize

    def _nearest(self) -> Path:
        """The store's directory, or what exists of the way to it."""
        return next(path for path in (self._root, *self._root.parents) if path.exists())

    def _path(self, key: str) -> Path:
        path = self._root.joinpath(*key_parts(self.name, key))
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise HostFailure(
                f"Store {self.name}: `{key}` leads out of {self._root} by a link.",
                reason=Reason.STORE_FAILED,
                hint="Find out who put it there, and remove it.",
            )
        return path

    def _entries(self, directory: Path) -> Iterator[Entry]:
        try:
            with os.scandir(directory) as scan:
                found = sorted(scan, key=lambda entry: entry.name)
        except FileNotFoundError:
            return  # nothing was stored yet
        for entry in found:
            path = directory / entry.name
            if not PART.fullmatch(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._entries(path)
            elif entry.is_file(follow_symlinks=False):
                key = path.relative_to(self._root).as_posix()
                yield Entry(key, entry.stat(follow_symlinks=False).st_size)

    def _failure(self, error: OSError) -> HostFailure:
        if error.errno in _FULL:
            return HostFailure(
                f"Store {self.name}: the disk below {self._root} is full.",
                reason=Reason.DISK_FULL,
                hint="Make room there, then take the backup again.",
            )
        return HostFailure(
            f"Store {self.name}: {self._root} could not be used:"
            f" {error.strerror or type(error).__name__}.",
            reason=Reason.STORE_FAILED,
        )


def _write_once(path: Path, data: bytes | bytearray) -> None:
    """The file appears whole or not at all, and only where there was none."""
    temporary = path.parent / f".{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    directories.sync(path.parent)


def _link(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links two writers of one key could both win; ids of snapshots are random.
        if path.exists():
            raise FileExistsError(path) from None
        temporary.rename(path)
