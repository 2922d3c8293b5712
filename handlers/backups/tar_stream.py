"""Writes and reads tar streams without temporary files, byte-true for every file name."""

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

BLOCK = tarfile.BLOCKSIZE
#: GNU's own form of long names keeps bytes that are no UTF-8; GNU tar and others read it.
FORMAT: Final = tarfile.GNU_FORMAT
READ_BYTES = 1024 * 1024
END = bytes(2 * BLOCK)

Write = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """What went into the tar for one file."""

    size_bytes: int
    sha256: str
    #: The file was written to or cut while it was read: the copy is of no one moment.
    changed: bool


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a tar as it was read back."""

    name: str
    kind: bytes
    size_bytes: int
    #: Of regular files.
    sha256: str | None


class TarWriter:
    """Members one after the other; each is handed on when it is complete or large."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def add_file(self, name: str, path: bytes) -> Copied:
        """A regular file, of exactly the size it has now; OSError where it cannot be read."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return self._copy(name, descriptor)
        finally:
            os.close(descriptor)

    def add_link(self, name: str, target: str, details: os.stat_result) -> None:
        header = _header(name, details)
        header.type, header.size, header.linkname = tarfile.SYMTYPE, 0, target
        self._write(_encoded(header))

    def add_directory(self, name: str, details: os.stat_result) -> None:
        header = _header(name, details)
        header.type, header.size = tarfile.DIRTYPE, 0
        self._write(_encoded(header))

    def close(self) -> None:
        self._write(END)

    def _copy(self, name: str, descriptor: int) -> Copied:
        details = os.fstat(descriptor)
        if not stat.S_ISREG(details.st_mode):
            raise FileNotFoundError(f"{name} is no regular file any more")
        left, content = details.st_size, hashlib.sha256()
        self._write(_encoded(_header(name, details)))
        while left:
            chunk = os.read(descriptor, min(left, READ_BYTES))
            if not chunk:
                break
            self._write(chunk)
            content.update(chunk)
            left -= len(chunk)
        padding = bytes(left)  # a file that was cut is filled up to what the header says
        content.update(padding)
        self._write(padding + bytes(-details.st_size % BLOCK))
        after = os.fstat(descriptor)
        unchanged = (after.st_size, after.st_mtime_ns) == (details.st_size, details.st_mtime_ns)
        return Copied(details.st_size, content.hexdigest(), changed=bool(left) or not unchanged)


class TarReader:
    """Reads a tar from chunks; ValueError where it is no tar or ends early."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = bytearray()
        self._start = 0

    def members(self) -> Iterator[Member]:
        """Every member with its content's hash; the stream is read to its very end."""
        long_name = None
        while (block := self._take(BLOCK)) != bytes(BLOCK):
            header = _decoded(block)
            if header.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
                text = self._take(header.size + -header.size % BLOCK)[: header.size].rstrip(b"\0")
                if header.type == tarfile.GNUTYPE_LONGNAME:
                    long_name = os.fsdecode(text)
                continue
            yield self._member(header, long_name or header.name)
            long_name = None
        for rest in (self._buffer[self._start :], *self._chunks):
            if any(rest):
                raise ValueError("bytes after the end of the archive")

    def _member(self, header: tarfile.TarInfo, name: str) -> Member:
        if not header.isreg():
            return Member(name, header.type, header.size, None)
        content, left = hashlib.sha256(), header.size
        while left:
            piece = self._take(min(left, READ_BYTES))
            content.update(piece)
            left -= len(piece)
        self._take(-header.size % BLOCK)
        return Member(name, header.type, header.size, content.hexdigest())

    def _take(self, size: int) -> bytes:
        while len(self._buffer) - self._start < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise ValueError("the archive ends early")
            del self._buffer[: self._start]
            self._start = 0
            self._buffer += chunk
        begin, self._start = self._start, self._start + size
        return bytes(memoryview(self._buffer)[begin : self._start])


def _header(name: str, details: os.stat_result) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mtime = details.st_size, int(details.st_mtime)
    header.mode = stat.S_IMODE(details.st_mode)
    header.uid, header.gid = details.st_uid, details.st_gid
    return header


def _encoded(header: tarfile.TarInfo) -> bytes:
    return header.tobuf(FORMAT, "utf-8", "surrogateescape")


def _decoded(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise ValueError(f"no header of a member: {error}") from error
