"""A disk that forgets: what was synced is there, and of the rest whatever the lot lets stay.

As strict as POSIX allows: a file that was synced is lost as long as its name is not, and names are
durable only once their directory was synced. Sectors of 512 bytes are written whole or not at all.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bench.power.calls import Call, Descriptor

SECTOR = 512
#: Never read after the power failed: SQLite makes it anew from the write-ahead log.
SHARED_MEMORY = "-shm"
_WRITES = {"write", "pwrite64"}
_SYNCS = {"fsync", "fdatasync"}
_OPENS = {"openat"}
_IGNORED = {"sendto", "exit"}


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that were written, and not synced yet."""

    ended: int
    offset: int
    data: bytes

    def apply(self, content: bytearray) -> None:
        _grow(content, self.offset + len(self.data))
        content[self.offset : self.offset + len(self.data)] = self.data

    def tear(self, content: bytearray, chance: random.Random) -> None:
        """Each sector by lot; also the size may have come to the disk without the data."""
        if chance.random() < 0.5:
            _grow(content, self.offset + len(self.data))
        at = self.offset
        while at < self.offset + len(self.data):
            end = min((at // SECTOR + 1) * SECTOR, self.offset + len(self.data))
            if chance.random() < 0.5:
                _grow(content, end)
                content[at:end] = self.data[at - self.offset : end - self.offset]
            at = end


@dataclass(frozen=True, slots=True)
class Resize:
    """A new size that was not synced yet."""

    ended: int
    size: int
    only_grow: bool = False

    def apply(self, content: bytearray) -> None:
        if not self.only_grow:
            del content[self.size :]
        _grow(content, self.size)

    def tear(self, content: bytearray, chance: random.Random) -> None:
        """A size is there or it is not."""


@dataclass(slots=True, eq=False)
class File:
    """What is durable of a file, what is not, and how long it is to the processes."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Resize] = field(default_factory=list)
    size: int = 0

    def change(self, change: Write | Resize) -> None:
        self.pending.append(change)
        if isinstance(change, Write):
            self.size = max(self.size, change.offset + len(change.data))
        else:
            self.size = max(self.size, change.size) if change.only_grow else change.size

    def sync(self, began: int) -> None:
        """Everything that was written before the sync began."""
        for change in self.pending:
            if change.ended <= began:
                change.apply(self.durable)
        self.pending = [change for change in self.pending if change.ended > began]

    def after_loss(self, lot: "Lot") -> bytes:
        content = bytearray(self.durable)
        for change in self.pending:
            fate = lot.fate()
            if fate == "kept":
                change.apply(content)
            elif fate == "torn":
                change.tear(content, lot.chance)
        return bytes(content)


@dataclass(frozen=True, slots=True)
class Renaming:
    """Names that were given and taken together, and not synced yet."""

    ended: int
    names: dict[str, "File | Folder | None"]

    def apply(self, entries: dict[str, "File | Folder"]) -> None:
        for name, node in self.names.items():
            entries.pop(name, None)
            if node is not None:
                entries[name] = node


@dataclass(slots=True, eq=False)
class Folder:
    """The names in a directory: those that are durable, and those that the processes see."""

    durable: dict[str, "File | Folder"] = field(default_factory=dict)
    pending: list[Renaming] = field(default_factory=list)
    seen: dict[str, "File | Folder"] = field(default_factory=dict)

    def change(self, renaming: Renaming) -> None:
        self.pending.append(renaming)
        renaming.apply(self.seen)

    def sync(self, began: int) -> None:
        for renaming in self.pending:
            if renaming.ended <= began:
                renaming.apply(self.durable)
        self.pending = [renaming for renaming in self.pending if renaming.ended > began]

    def after_loss(self, lot: "Lot") -> dict[str, "File | Folder"]:
        entries = dict(self.durable)
        for renaming in self.pending:
            if lot.fate() == "kept":
                renaming.apply(entries)
        return entries


@dataclass(slots=True)
class Lot:
    """What becomes of each change that was not synced."""

    chance: random.Random
    #: How likely a change is on the disk whole, and how likely it is torn.
    kept: float
    torn: float

    @classmethod
    def draw(cls, chance: random.Random) -> "Lot":
        """Often everything or nothing is lost; mostly it is a mixture."""
        kept, torn = chance.choice(((0.0, 0.0), (1.0, 0.0), (0.2, 0.3), (0.5, 0.3), (0.8, 0.2)))
        return cls(chance, kept, torn)

    def fate(self) -> str:
        drawn = self.chance.random()
        if drawn < self.kept:
            return "kept"
        return "torn" if drawn < self.kept + self.torn else "dropped"


class Disk:
    """Everything below one directory, which itself is durable; told call by call."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = Folder()
        #: Where each descriptor stands that was opened by that thread; None: it appends.
        self._places: dict[tuple[int, int], int | None] = {}

    def take(self, call: Call) -> None:
        """One call that has ended; an unknown way to change a file is an error."""
        if call.name in _IGNORED:
            return
        if call.name in _OPENS:
            self._open(call)
        elif call.name in _WRITES:
            self._write(call)
        elif call.name in _SYNCS:
            node = self._node_of(call.descriptor())
            if node is not None:
                node.sync(call.began)
        elif call.name == "lseek":
            self._places[call.thread, call.descriptor().number] = call.result
        elif call.name in {"ftruncate", "fallocate"}:
            self._resize(call)
        else:
            self._name(call)

    def node(self, path: Path) -> File | Folder | None:
        """What the processes see there."""
        if not path.is_relative_to(self.root):
            return None
        found: File | Folder | None = self.top
        for part in path.relative_to(self.root).parts:
            found = found.seen.get(part) if isinstance(found, Folder) else None
        return found

    def write_image(self, target: Path, lot: Lot) -> None:
        """What is left of everything, below an empty directory."""
        contents: dict[int, bytes] = {}
        _write_folder(self.top, target, lot, contents)

    def files(self) -> Iterator[tuple[PurePosixPath, File]]:
        """All files that the processes see, by their paths below the root."""
        yield from _files(self.top, PurePosixPath())

    def _open(self, call: Call) -> None:
        path, flags = call.path(1), call.word(2).split("|")
        if not path.is_relative_to(self.root):
            return
        place = None if "O_APPEND" in flags else 0
        # The result is the number alone: what follows it was cut off with its path.
        self._places[call.thread, call.result] = place
        node = self.node(path)
        if node is None and "O_CREAT" in flags:
            self._folder(path).change(Renaming(call.ended, {path.name: File()}))
        elif isinstance(node, File) and "O_TRUNC" in flags:
            node.change(Resize(call.ended, 0))

    def _write(self, call: Call) -> None:
        descriptor = call.descriptor()
        file = self._node_of(descriptor)
        if not isinstance(file, File):
            return
        data = call.data(1)[: call.result]
        if call.name == "pwrite64":
            file.change(Write(call.ended, call.number(3), data))
            return
        key = (call.thread, descriptor.number)
        # Standard error is inherited; like all logs it appends.
        place = None if descriptor.number == 2 else self._places[key]
        file.change(Write(call.ended, file.size if place is None else place, data))
        if place is not None:
            self._places[key] = place + len(data)

    def _resize(self, call: Call) -> None:
        file = self._node_of(call.descriptor())
        if not isinstance(file, File):
            return
        if call.name == "ftruncate":
            file.change(Resize(call.ended, call.number(1)))
            return
        assert call.word(1) == "0", call
        file.change(Resize(call.ended, call.number(2) + call.number(3), only_grow=True))

    def _name(self, call: Call) -> None:
        at = call.name.removesuffix("2").endswith("at")
        first = call.path(1 if at else 0)
        match call.name:
            case "mkdir" | "mkdirat":
                self._folder(first).change(Renaming(call.ended, {first.name: Folder()}))
            case "unlink" | "unlinkat" | "rmdir":
                self._folder(first).change(Renaming(call.ended, {first.name: None}))
            case "link" | "linkat":
                second = call.path(3 if at else 1)
                self._folder(second).change(Renaming(call.ended, {second.name: self.node(first)}))
            case "rename" | "renameat" | "renameat2":
                second = call.path(3 if at else 1)
                if first.parent != second.parent:
                    raise NotImplementedError(f"a rename between directories: {call}")
                names = {first.name: None, second.name: self.node(first)}
                self._folder(first).change(Renaming(call.ended, names))
            case _:
                raise NotImplementedError(f"{call.name} below {self.root}")

    def _node_of(self, descriptor: Descriptor) -> File | Folder | None:
        return None if descriptor.is_deleted else self.node(descriptor.path)

    def _folder(self, path: Path) -> Folder:
        found = self.node(path.parent)
        assert isinstance(found, Folder), f"{path.parent} is not known as a directory"
        return found


def _write_folder(folder: Folder, target: Path, lot: Lot, contents: dict[int, bytes]) -> None:
    for name, node in folder.after_loss(lot).items():
        path = target / name
        if isinstance(node, Folder):
            path.mkdir()
            _write_folder(node, path, lot, contents)
            continue
        # A file with two names has one content.
        if id(node) not in contents:
            contents[id(node)] = _content(name, node, lot)
        path.write_bytes(contents[id(node)])


def _content(name: str, file: File, lot: Lot) -> bytes:
    if name.endswith(SHARED_MEMORY):
        # Written through memory, which no trace shows: anything may be there.
        return lot.chance.randbytes(file.size) if lot.chance.random() < 0.5 else bytes(file.size)
    return file.after_loss(lot)


def _files(folder: Folder, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, File]]:
    for name, node in folder.seen.items():
        if isinstance(node, Folder):
            yield from _files(node, path / name)
        else:
            yield path / name, node


def _grow(content: bytearray, size: int) -> None:
    if len(content) < size:
        content.extend(bytes(size - len(content)))


def make_empty(folder: Path) -> None:
    """Remove everything in a directory of ours."""
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            make_empty(path)
            path.rmdir()
        else:
            path.unlink()
