"""Writes and reads tar streams without temporary files, byte-true for every file name."""

import hashlib
import os
import stat
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

BLOCK = tarfile.BLOCKSIZE
#: GNU's own form of long names keeps bytes that are no UTF-8; GNU tar and others read it.
FORMAT: Final = tarfile.GNU_FORMAT
READ_BYTES = 1024 * 1024
END = bytes(2 * BLOCK)
_ZEROES = bytes(BLOCK)
#: Of a short header: mode, user, group, size and time, as octal text.
_NUMBERS = b"%07o\0%07o\0%07o\0%011o\0%011o\0"
_LIMITS = (8**7, 8**7, 8**7, 8**11, 8**11)
_NAME_BYTES = 100

Write = Callable[[bytes], None]
#: Asked with the name and the mode of each regular file: who takes its bytes; None: nobody.
Taker = Callable[[str, int], Callable[[memoryview], object] | None]


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
    #: Permission bits.
    mode: int = 0


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

    def add_bytes(self, name: str, content: bytes, mode: int) -> None:
        """A file of root's that lies nowhere else."""
        now = int(time.time())
        details = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, 0, 0, len(content), now, now, now))
        self._write(_header(name, details) + content + bytes(-len(content) % BLOCK))

    def add_link(self, name: str, target: str, details: os.stat_result) -> None:
        self._write(_header(name, details, tarfile.SYMTYPE, target))

    def add_directory(self, name: str, details: os.stat_result) -> None:
        self._write(_header(name, details, tarfile.DIRTYPE))

    def close(self) -> None:
        self._write(END)

    def _copy(self, name: str, descriptor: int) -> Copied:
        details = os.fstat(descriptor)
        if not stat.S_ISREG(details.st_mode):
            raise FileNotFoundError(f"{name} is no regular file any more")
        content, before = hashlib.sha256(), _header(name, details)
        written = 0
        try:
            for chunk in _exactly(descriptor, details.st_size):
                content.update(chunk)
                self._write(before + chunk)
                before = b""
                written += len(chunk)
        except OSError:
            # Whoever goes on without this file must not find the others shifted.
            if written:
                self._fill(details.st_size - written)
            raise
        self._write(before + bytes(-details.st_size % BLOCK))
        after = os.fstat(descriptor)
        unchanged = (after.st_size, after.st_mtime_ns) == (details.st_size, details.st_mtime_ns)
        return Copied(details.st_size, content.hexdigest(), changed=not unchanged)

    def _fill(self, missing: int) -> None:
        """The content that a header promised, and its padding."""
        rest = missing + -missing % BLOCK
        while rest:
            self._write(bytes(min(rest, READ_BYTES)))
            rest -= min(rest, READ_BYTES)


@dataclass(frozen=True, slots=True)
class _Header:
    name: str
    kind: bytes
    size_bytes: int
    mode: int


def _taken_by_nobody(_name: str, _mode: int) -> None:
    """Its content is only hashed."""


class TarReader:
    """Reads a tar from chunks; ValueError where it is no tar or ends early."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        #: What is left of the chunk that was begun; looked at in place, never copied whole.
        self._rest = memoryview(b"")

    def members(self, taker: Taker = _taken_by_nobody) -> Iterator[Member]:
        """Every member with its content's hash; the stream is read to its very end.

        The bytes of a file are handed to whom `taker` names for it, before its member comes.
        """
        long_name = None
        while (block := bytes(self._take(BLOCK))) != _ZEROES:
            header = _decoded(block)
            if header.kind in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
                size = header.size_bytes
                text = bytes(self._take(size + -size % BLOCK)[:size]).rstrip(b"\0")
                if header.kind == tarfile.GNUTYPE_LONGNAME:
                    long_name = os.fsdecode(text)
                continue
            yield self._member(header, long_name or header.name, taker)
            long_name = None
        for rest in chain((bytes(self._rest),), self._chunks):
            if rest.strip(b"\0"):
                raise ValueError("bytes after the end of the archive")

    def _member(self, header: _Header, name: str, taker: Taker) -> Member:
        if header.kind != tarfile.REGTYPE:
            return Member(name, header.kind, header.size_bytes, None, header.mode)
        content, left = hashlib.sha256(), header.size_bytes
        take = taker(name, header.mode)
        while left:
            piece = self._next(left)
            content.update(piece)
            if take is not None:
                take(piece)
            left -= len(piece)
        self._take(-header.size_bytes % BLOCK)
        return Member(name, header.kind, header.size_bytes, content.hexdigest(), header.mode)

    def _take(self, size: int) -> memoryview:
        """So many bytes in one piece."""
        piece = self._next(size)
        if len(piece) == size:
            return piece
        pieces = [piece]
        while missing := size - sum(map(len, pieces)):
            pieces.append(self._next(missing))
        return memoryview(b"".join(pieces))

    def _next(self, most: int) -> memoryview:
        """Between one and `most` bytes, as they lie in a chunk; none where `most` is 0."""
        while most and not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise ValueError("the archive ends early")
            self._rest = memoryview(chunk)
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece


def _exactly(descriptor: int, size: int) -> Iterator[bytes]:
    """As many bytes as the header promises; a file that was cut meanwhile is filled up."""
    while size:
        chunk = os.read(descriptor, min(size, READ_BYTES)) or bytes(min(size, READ_BYTES))
        size -= len(chunk)
        yield chunk


def _header(
    name: str, details: os.stat_result, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> bytes:
    """The blocks before a member's content: one, unless a name is long or a number large."""
    raw_name, raw_link = os.fsencode(name), os.fsencode(link)
    size = details.st_size if kind == tarfile.REGTYPE else 0
    mode, mtime = stat.S_IMODE(details.st_mode), int(details.st_mtime)
    numbers = (mode, details.st_uid, details.st_gid, size, mtime)
    fits = all(0 <= number < limit for number, limit in zip(numbers, _LIMITS, strict=True))
    if kind == tarfile.DIRTYPE or not fits or max(len(raw_name), len(raw_link)) > _NAME_BYTES:
        return _long_header(name, numbers, kind, link)
    block = raw_name.ljust(100, b"\0") + _NUMBERS % numbers
    block += b" " * 8 + kind + raw_link.ljust(100, b"\0") + tarfile.GNU_MAGIC
    return block[:148] + b"%06o\0 " % sum(block) + block[156:] + bytes(BLOCK - len(block))


def _long_header(name: str, numbers: tuple[int, ...], kind: bytes, link: str) -> bytes:
    header = tarfile.TarInfo(name)
    header.mode, header.uid, header.gid, header.size, header.mtime = numbers
    header.type, header.linkname = kind, link
    return header.tobuf(FORMAT, "utf-8", "surrogateescape")


def _decoded(block: bytes) -> _Header:
    try:
        noted = int(block[148:156].rstrip(b"\0 "), 8)
        size = _number(block[124:136])
        mode = stat.S_IMODE(_number(block[100:108]))
    except ValueError as error:
        raise ValueError("a header that is none") from error
    # The checksum counts its own field as blanks.
    if noted != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        raise ValueError("a header with a wrong checksum")
    name = block[:100].partition(b"\0")[0]
    return _Header(os.fsdecode(name), block[156:157], size, mode)


def _number(data: bytes) -> int:
    """Octal text, or in GNU's form for large ones the number itself."""
    if data[0] & 0x80:
        return int.from_bytes(data[1:], "big")
    return int(data.rstrip(b"\0 ") or b"0", 8)
