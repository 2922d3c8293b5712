"""What the tars of a copy are held to while they are read back."""

import hashlib
import tarfile
from itertools import zip_longest

from handlers.backups import database_dump
from handlers.backups.reading.read_back import ReadBack, damaged
from handlers.backups.tar_stream import Member, TarReader
from handlers.backups.uploads import Indexed, read_index, tar_name
from handlers.host import processes
from handlers.host.settings import DatabaseSettings

#: The list itself is thrown away.
LIST = ("tar", "--list", "--file=-", "--index-file=/dev/null")
#: What one file is known by: name in the tar, kind, size and the hash of its content.
_Entry = tuple[str, bytes, int, str | None]


def start_listing(settings: DatabaseSettings) -> processes.Process:
    """GNU tar, which reads every header of its standard input and says nothing unless it is no tar;
    as the database's account, for it needs no rights."""
    return processes.start(LIST, user=database_dump.account(settings), stdin=True)


def compare_with_index(snapshot: str, tar: ReadBack, index: ReadBack) -> None:
    """The same files in both, in order, with the same content; HostFailure where they differ.

    The index arrives after most of the tar was read. Neither is held: both are summed up as they
    pass. Only where the sums differ are they read once more, side by side, to name the file.
    """
    try:
        held, promised = hashlib.sha256(), hashlib.sha256()
        for member in TarReader(tar.plain()).members():
            held.update(_text(_held(member)))
        for line in read_index(index.plain()):
            if line.snapshot == snapshot:
                promised.update(_text(_promised(line)))
        if held.digest() != promised.digest():
            _name_difference(snapshot, tar.again(), index.again())
    except (TypeError, ValueError, KeyError) as error:
        raise damaged(tar.store, tar.at, f"and its index do not agree: {error}") from error


def _name_difference(snapshot: str, tar: ReadBack, index: ReadBack) -> None:
    members = TarReader(tar.plain()).members()
    lines = (line for line in read_index(index.plain()) if line.snapshot == snapshot)
    for line, member in zip_longest(lines, members):
        if line is None:
            raise ValueError("it holds more than its index says")
        if member is None:
            raise ValueError(f"{line.path!a} is not in it")
        if _held(member) != _promised(line):
            raise ValueError(f"{line.path!a} is not what was read")
    raise ValueError("two readings of them differ")


def _held(member: Member) -> _Entry:
    return member.name, member.kind, member.size_bytes, member.sha256


def _promised(line: Indexed) -> _Entry:
    kind = tarfile.REGTYPE if line.target is None else tarfile.SYMTYPE
    return tar_name(line.path), kind, line.size, line.sha256


def _text(entry: _Entry) -> bytes:
    """Of two different entries never the same: no name holds a zero byte."""
    name, kind, size, sha256 = entry
    return f"{name}\0{kind!r} {size} {sha256}\0".encode(errors="surrogateescape")
