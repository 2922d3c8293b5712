"""Uploads: which files are new since a store's last snapshot, and the index of all of them.

The index has one JSON line for each file, in the order of the scan, so that two of them are
compared side by side without holding either.
"""

import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from handlers.backups.contents.completeness import Lookup
from handlers.backups.contents.named_files import order
from handlers.backups.repository import NamedFiles, UploadTotals
from handlers.backups.streams import ObjectWriter
from handlers.backups.tar_stream import Copied, TarWriter
from handlers.errors import HostFailure

#: Names in the tar begin with it, wherever the uploads lay.
ROOT = "uploads"
#: JSON's form of one string; json.dumps of whole lines costs five times as much.
_text = json.encoder.encode_basestring_ascii
_name = attrgetter("name")
#: In sentences; the rest is counted.
NAMED_FILES = 10


@dataclass(slots=True)
class Found:
    """One entry of the scan; `path` is relative, with bytes that are no UTF-8 escaped."""

    path: str
    size: int
    mtime_ns: int
    #: Of a symbolic link: where it points; it is never followed.
    target: str | None = None


@dataclass(slots=True)
class Indexed:
    """One line of the index."""

    path: str
    size: int
    mtime_ns: int
    #: The snapshot whose tar holds it.
    snapshot: str
    sha256: str | None = None
    target: str | None = None
    #: It was written to while it was read.
    changed: bool = False


@dataclass(slots=True)
class Tally:
    """What adds up while the uploads are copied."""

    files: int = 0
    bytes: int = 0
    new_files: int = 0
    new_bytes: int = 0
    held_by: dict[str, int] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    #: Links that lead out of the uploads, or to nothing.
    led_astray: list[str] = field(default_factory=list)
    #: None: nothing was looked for.
    named: NamedFiles | None = None

    def count(self, line: Indexed, *, is_new: bool) -> None:
        self.files += 1
        self.bytes += line.size
        self.held_by[line.snapshot] = self.held_by.get(line.snapshot, 0) + 1
        if is_new:
            self.new_files += 1
            self.new_bytes += line.size

    def totals(self) -> UploadTotals:
        return UploadTotals(
            self.files, self.bytes, self.new_files, self.new_bytes, dict(self.held_by)
        )

    def left_out(self) -> list[str]:
        """Sentences about what is not in the copy as it should be."""
        return [
            *_sentence("vanished before it could be read", self.vanished),
            *_sentence("was written to while it was read", self.changed),
            *_sentence("is neither a file nor a symbolic link", self.odd),
            *_sentence(
                "is a link to what is not among the uploads, and is kept as a link", self.led_astray
            ),
        ]


def scan(root: Path, odd: list[str] | None = None) -> Iterator[Found]:
    """Every file and symbolic link below `root`, ordered part by part of their paths."""
    start, unusable = os.fsencode(root), [] if odd is None else odd
    waiting = [(b"", entry) for entry in _children(start, b"")]
    while waiting:
        below, entry = waiting.pop()
        path = below + entry.name
        if entry.is_dir(follow_symlinks=False):
            waiting += [(path + b"/", child) for child in _children(start, path)]
        elif (found := _found(entry, path, unusable)) is not None:
            yield found


@dataclass(frozen=True, slots=True)
class Streams:
    """Where uploads go."""

    tar: ObjectWriter
    index: ObjectWriter


def copy(
    root: Path,
    snapshot: str,
    base: Iterator[Indexed],
    to: Streams,
    lookup: Lookup | None = None,
) -> Tally:
    """Write what `base` does not hold into the tar, and every file into the index.

    With a `lookup` the files that the database names are held against it.
    """
    tally, writer = Tally(), TarWriter(to.tar.write)
    for found, earlier in side_by_side(scan(root, tally.odd), base):
        if earlier is not None and _is_same(found, earlier):
            line, is_new = earlier, False
        else:
            copied = _copy_one(writer, root, snapshot, found)
            if copied is None:
                tally.vanished.append(found.path)
                continue
            line, is_new = copied, True
        if line.changed and is_new:
            tally.changed.append(line.path)
        tally.count(line, is_new=is_new)
        has_content = line.target is None or _stays_within(root, line.path)
        if not has_content:
            tally.led_astray.append(line.path)
        if lookup is not None:
            lookup.passes(line.path, has_content=has_content)
        to.index.write(encode_line(line))
    writer.close()
    if lookup is not None:
        tally.named = lookup.finish()
    return tally


def encode_line(line: Indexed) -> bytes:
    """JSON with every byte of the path kept: what is no UTF-8 stands as a lone surrogate."""
    what = f'"sha256":"{line.sha256}"' if line.target is None else f'"target":{_text(line.target)}'
    changed = ',"changed":true' if line.changed else ""
    return (
        f'{{"path":{_text(line.path)},"size":{line.size},"mtime_ns":{line.mtime_ns},'
        f'"snapshot":"{line.snapshot}",{what}{changed}}}\n'
    ).encode()


def read_index(chunks: Iterable[bytes]) -> Iterator[Indexed]:
    """The lines of an index; ValueError or TypeError where it is not one."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield _decode_line(line)
    if rest:
        raise ValueError("the index ends within a line")


def tar_name(path: str) -> str:
    return f"{ROOT}/{path}"


def side_by_side(
    scanned: Iterator[Found], base: Iterator[Indexed]
) -> Iterator[tuple[Found, Indexed | None]]:
    """Each found file with its line in the base, where it has one; both come in one order."""
    earlier = next(base, None)
    for found in scanned:
        # Nearly always they are the same, and then nothing has to be put in order.
        if earlier is None or earlier.path != found.path:
            here = order(found.path)
            while earlier is not None and order(earlier.path) < here:
                earlier = next(base, None)
            if earlier is None or earlier.path != found.path:
                yield found, None
                continue
        yield found, earlier
        earlier = next(base, None)


def _children(root: bytes, below: bytes) -> list[os.DirEntry[bytes]]:
    """The entries of one directory, last name first; none where it has gone by now."""
    try:
        with os.scandir(root + b"/" + below if below else root) as entries:
            return sorted(entries, key=_name, reverse=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        where = os.fsdecode(root + b"/" + below)
        raise HostFailure(f"{where} could not be read: {error.strerror}.") from error


def _found(entry: os.DirEntry[bytes], path: bytes, odd: list[str]) -> Found | None:
    name = os.fsdecode(path)
    try:
        details = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(details.st_mode):
            return Found(name, details.st_size, details.st_mtime_ns)
        if stat.S_ISLNK(details.st_mode):
            target = os.fsdecode(os.readlink(entry.path))  # noqa: PTH115 (bytes)
            return Found(name, 0, details.st_mtime_ns, target)
    except FileNotFoundError:
        return None
    odd.append(name)
    return None


def _stays_within(root: Path, path: str) -> bool:
    """Whether a link leads to a file of the uploads, which then is in the copy as well."""
    within, target = os.path.realpath(root), os.path.realpath(root / path)
    return target.startswith(f"{within}/") and os.path.isfile(target)  # noqa: PTH113


def _is_same(found: Found, earlier: Indexed) -> bool:
    return (found.size, found.mtime_ns, found.target) == (
        earlier.size,
        earlier.mtime_ns,
        earlier.target,
    ) and not earlier.changed


def _copy_one(writer: TarWriter, root: Path, snapshot: str, found: Found) -> Indexed | None:
    """Put one file into the tar; None where it is gone by now."""
    name, path = tar_name(found.path), os.fsencode(root) + b"/" + os.fsencode(found.path)
    try:
        if found.target is not None:
            details = os.lstat(path)
            writer.add_link(name, found.target, details)
            return Indexed(found.path, 0, found.mtime_ns, snapshot, target=found.target)
        copied = writer.add_file(name, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostFailure(f"{os.fsdecode(path)} could not be read: {error.strerror}.") from error
    return _line(found, snapshot, copied)


def _line(found: Found, snapshot: str, copied: Copied) -> Indexed:
    changed = copied.changed or copied.size_bytes != found.size
    return Indexed(
        found.path, copied.size_bytes, found.mtime_ns, snapshot, copied.sha256, changed=changed
    )


def _decode_line(line: bytes) -> Indexed:
    return Indexed(**json.loads(line))


def _sentence(how: str, paths: list[str]) -> list[str]:
    if not paths:
        return []
    named = ", ".join(ascii(path) for path in paths[:NAMED_FILES])
    more = f" and {len(paths) - NAMED_FILES} more" if len(paths) > NAMED_FILES else ""
    return [f"Uploads of which each {how}: {named}{more}."]
