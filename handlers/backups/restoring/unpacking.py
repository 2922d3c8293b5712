"""Unpacks the uploads of a copy into a new directory: the files that its index names, no others."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import IO

from handlers.backups.reading.read_back import damaged
from handlers.backups.repository import INDEX, UPLOADS, read_snapshot
from handlers.backups.restoring.place import Place
from handlers.backups.restoring.source import Source
from handlers.backups.tar_stream import Member, TarReader
from handlers.backups.uploads import Indexed, read_index, tar_name
from handlers.errors import HostFailure, Reason
from handlers.host import processes

SYNC_LIMIT = timedelta(hours=1)
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was written."""

    files: int
    bytes: int


@dataclass(slots=True)
class _Unpacking:
    """One directory while it is filled."""

    place: Place
    like: os.stat_result
    #: Told after each file.
    tick: Callable[[int], None]
    files: int = 0
    bytes: int = 0
    #: The file that the tar is to bring next.
    wanted: Indexed | None = None
    descriptor: int | None = None

    def take(self, name: str, mode: int) -> Callable[[memoryview], object] | None:
        """Opens the wanted file when its turn has come."""
        line = self.wanted
        if line is None or line.target is not None or name != tar_name(line.path):
            return None
        self.descriptor = descriptor = self.place.new_file(line.path)
        os.fchown(descriptor, self.like.st_uid, self.like.st_gid)
        os.fchmod(descriptor, mode & 0o777)
        return lambda piece: _write(descriptor, piece)

    def is_wanted(self, member: Member) -> bool:
        return self.wanted is not None and member.name == tar_name(self.wanted.path)

    def finish(self, line: Indexed, member: Member) -> None:
        """Compare it with the index once more; ValueError where it is another file."""
        if line.target is not None:
            self.place.add_link(line.path, line.target)
        elif self.descriptor is None or (line.size, line.sha256) != (
            member.size_bytes,
            member.sha256,
        ):
            raise ValueError(f"{line.path!a} is not what was read")
        else:
            # The next backup then finds it unchanged.
            os.utime(self.descriptor, ns=(line.mtime_ns, line.mtime_ns))
        self.close()
        self.files += 1
        self.bytes += line.size
        self.tick(self.bytes)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def unpack(source: Source, into: Path, like: Path, tick: Callable[[int], None]) -> Unpacked:
    """Fill the new directory `into`; owner and mode are those of the directory `like`.

    Raises HostFailure where anything is not what was copied, or the disk is full; what was written
    by then is left for the caller to remove.
    """
    try:
        with _index_of(source, into.parent) as index, Place(into) as place:
            unpacking = _Unpacking(place, like.stat(), tick)
            try:
                for holder in sorted(source.snapshot.uploads.held_by):
                    _unpack_from(unpacking, _source_of(source, holder), _lines(index, holder))
            finally:
                unpacking.close()
            place.hand_over(unpacking.like)
        processes.run(("sync", "--file-system", str(into)), timeout=SYNC_LIMIT)
    except OSError as error:
        raise _failed(into, error) from error
    return Unpacked(unpacking.files, unpacking.bytes)


def index_of(source: Source) -> Iterator[Indexed]:
    """Every upload of a copy, in the order of its scan."""
    return read_index(source.plain(INDEX))


def _unpack_from(unpacking: _Unpacking, source: Source, lines: Iterator[Indexed]) -> None:
    """Tar and index have one order, and the tar may hold more: what was deleted since."""
    unpacking.wanted = next(lines, None)
    try:
        for member in TarReader(source.plain(UPLOADS)).members(unpacking.take):
            if unpacking.is_wanted(member):
                assert unpacking.wanted is not None
                unpacking.finish(unpacking.wanted, member)
                unpacking.wanted = next(lines, None)
        if unpacking.wanted is not None:
            raise ValueError(f"{unpacking.wanted.path!a} is not in it")
    except (TypeError, ValueError, KeyError) as error:
        key = source.snapshot.streams[UPLOADS].objects[0].key
        raise damaged(source.store, key, f"and the index do not agree: {error}") from error


def _source_of(source: Source, holder: str) -> Source:
    """The copy whose tar holds some of the files."""
    if holder == source.snapshot.id:
        return source
    return replace(source, snapshot=read_snapshot(source.store, holder))


def _index_of(source: Source, directory: Path) -> IO[bytes]:
    """The index on disk, without a name: it is read once for each copy that holds files."""
    file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 (the caller closes it)
    try:
        for chunk in source.plain(INDEX):
            file.write(chunk)
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    return file


def _lines(file: IO[bytes], holder: str) -> Iterator[Indexed]:
    file.seek(0)
    chunks: Iterable[bytes] = iter(lambda: file.read(_READ_BYTES), b"")
    return (line for line in read_index(chunks) if line.snapshot == holder)


def _write(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def _failed(into: Path, error: OSError) -> HostFailure:
    full = error.errno in FULL
    return HostFailure(
        f"The uploads could not be written to {into}: {error.strerror or error}.",
        reason=Reason.DISK_FULL if full else Reason.TOOL_FAILED,
        hint="Make room there, then ask for it again." if full else None,
    )
