"""Reads what strace wrote: which system calls were made, by whom, in which order."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: Whatever changes a file or a directory, what makes it durable, and what goes to Zulip.
TRACED = (
    *("openat", "creat", "lseek", "write", "pwrite64", "writev", "pwritev", "pwritev2"),
    *("ftruncate", "truncate", "fallocate", "copy_file_range", "sendfile"),
    *("fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "sendto"),
)
#: Hexadecimal texts cannot be misread; bytes are never cut short.
STRACE = (
    *("strace", "-D", "-f", "-q", "-y", "-xx", "--seccomp-bpf", "-s", "16777216"),
    *("-e", "signal=none", "-e", f"trace={','.join(TRACED)}"),
)
SENDS = "sendto"
EXITS = "exit"

_LINE = re.compile(
    r"(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*)|(\+\+\+ )(?:exited with (\d+))?)"
)
_UNFINISHED = " <unfinished ...>"
_DONE = re.compile(r"(.*)\) += (-?\d+|\?)(.*)")
_ARGUMENT = re.compile(
    r'(?P<fd>\d+|AT_FDCWD)<(?P<path>[^>]*)>(?P<deleted>\(deleted\))?|"(?P<text>[^"]*)"|(?P<word>[^,\s]+)'
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A file as the process held it, and its path at that moment."""

    number: int
    path: Path
    is_deleted: bool = False


Argument = Descriptor | bytes | str


@dataclass(frozen=True, slots=True)
class Call:
    """A call that succeeded; `began` and `ended` are lines of the trace."""

    began: int
    ended: int
    thread: int
    name: str
    arguments: tuple[Argument, ...]
    result: int

    def descriptor(self, place: int = 0) -> Descriptor:
        found = self.arguments[place]
        assert isinstance(found, Descriptor), self
        return found

    def data(self, place: int) -> bytes:
        found = self.arguments[place]
        assert isinstance(found, bytes), self
        return found

    def number(self, place: int) -> int:
        found = self.arguments[place]
        assert isinstance(found, str), self
        return int(found, 0)

    def word(self, place: int) -> str:
        found = self.arguments[place]
        assert isinstance(found, str), self
        return found

    def path(self, place: int) -> Path:
        """The path at this place; relative to the directory before it, if that is one."""
        path = Path(os.fsdecode(self.data(place)))
        before = self.arguments[place - 1] if place else None
        return before.path / path if isinstance(before, Descriptor) else path


def read_calls(lines: Iterable[str], root: Path) -> Iterator[Call]:
    """The calls that speak of something below `root`, what was sent, and how processes ended.

    In the order in which they ended. A call that failed changed nothing and is left out.
    """
    reading = _Reading(_hex(root))
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is not None:
            yield from reading.read(number, found)


@dataclass(slots=True)
class _Reading:
    """Keeps the calls that have begun, by thread, until they end."""

    mark: str
    _begun: dict[int, tuple[int, str, str]] = field(default_factory=dict)

    def read(self, number: int, found: re.Match[str]) -> Iterator[Call]:
        thread, name, text, resumed, rest, ended, code = found.groups()
        if name is not None:
            yield from self._called(number, int(thread), name, text)
        elif resumed is not None and int(thread) in self._begun:
            began, name, text = self._begun.pop(int(thread))
            assert name == resumed, found.string[:200]
            yield from _finished(began, number, int(thread), name, text + rest)
        elif ended is not None:
            # The number is given out again, and a call that was cut off does not go on.
            self._begun.pop(int(thread), None)
            if code is not None:
                yield Call(number, number, int(thread), EXITS, (), int(code))

    def _called(self, number: int, thread: int, name: str, text: str) -> Iterator[Call]:
        if name != SENDS and self.mark not in text:
            return
        if text.rstrip().endswith(_UNFINISHED):
            self._begun[thread] = (number, name, text.rstrip().removesuffix(_UNFINISHED))
        else:
            yield from _finished(number, number, thread, name, text)


def _finished(began: int, ended: int, thread: int, name: str, text: str) -> Iterator[Call]:
    done = _DONE.match(text)
    if done is None or done[2] == "?" or int(done[2]) < 0:
        return
    arguments = tuple(_argument(found) for found in _ARGUMENT.finditer(done[1]))
    yield Call(began, ended, thread, name, arguments, int(done[2]))


def _argument(found: re.Match[str]) -> Argument:
    if found["fd"] is not None:
        number = -1 if found["fd"] == "AT_FDCWD" else int(found["fd"])
        path = Path(os.fsdecode(_bytes(found["path"])))
        return Descriptor(number, path, found["deleted"] is not None)
    return _bytes(found["text"]) if found["text"] is not None else found["word"]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _hex(path: Path) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(path))
