"""How /etc/zulip differs from the copy's: shown, never overwritten, and without any secret."""

import configparser
import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handlers.backups.repository import CONFIGURATION
from handlers.backups.restoring.source import Source
from handlers.backups.tar_stream import TarReader
from handlers.host.layout import Layout
from handlers.host.redaction import Redactor

#: How the names of the files in the copy begin.
ROOT = "etc/zulip/"
SECRETS = "zulip-secrets.conf"
#: Of one file; nobody reads more, and settings are smaller.
LARGEST_BYTES = 256 * 1024
#: Keys whose other value shows in what was restored.
_TELLING = {
    "avatar_salt": "With another `avatar_salt` avatars are not found.",
    "secret_key": "With another `secret_key` everybody has to log in again.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not as in the copy."""

    name: str
    #: In a few words, such as `3 lines` or `keys avatar_salt`.
    summary: str
    #: Lines to read, secrets hidden.
    lines: tuple[str, ...] = ()


def differences(source: Source, layout: Layout) -> tuple[Difference, ...]:
    """From the settings that are in place to those of the copy.

    Raises HostFailure where the copy cannot be read.
    """
    copied, present = dict(_copied(source)), dict(_present(layout.configuration))
    secrets = {**_keys(copied.get(SECRETS)), **_keys(present.get(SECRETS))}
    redactor = Redactor([*secrets.values(), *_keys(copied.get(SECRETS)).values()])
    names = sorted({*copied, *present} - {SECRETS})
    found = [_file(name, present.get(name), copied.get(name), redactor) for name in names]
    found.append(_secrets(_keys(present.get(SECRETS)), _keys(copied.get(SECRETS))))
    return tuple(each for each in found if each is not None)


def summary(found: tuple[Difference, ...]) -> str:
    """One sentence for people."""
    if not found:
        return "Settings: /etc/zulip is as it was in the copy."
    listed = ", ".join(f"{each.name} ({each.summary})" for each in found)
    telling = [said for key, said in _TELLING.items() if any(key in f.summary for f in found)]
    return " ".join((f"Settings were not changed; in the copy others stand: {listed}.", *telling))


def _file(
    name: str, present: bytes | None, copied: bytes | None, redactor: Redactor
) -> Difference | None:
    if present == copied:
        return None
    if present is None or copied is None:
        return Difference(name, "not in the copy" if copied is None else "only in the copy")
    now, then = (_lines(each, redactor) for each in (present, copied))
    lines = tuple(difflib.unified_diff(now, then, f"now/{name}", f"copy/{name}", n=1, lineterm=""))
    changed = sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in lines)
    summary = f"{changed} line{'s' * (changed != 1)}" if changed else "hidden values"
    return Difference(name, summary, lines)


def _secrets(now: Mapping[str, str], then: Mapping[str, str]) -> Difference | None:
    """Only by the names of the keys."""
    other = sorted(key for key in {*now, *then} if now.get(key) != then.get(key))
    if not other:
        return None
    lines = tuple(
        f"{key}: {'only in the copy' if key not in now else _absent(key, then)}" for key in other
    )
    return Difference(SECRETS, f"keys {', '.join(other)}", lines)


def _absent(key: str, then: Mapping[str, str]) -> str:
    return "another value in the copy" if key in then else "not in the copy"


def _copied(source: Source) -> Iterator[tuple[str, bytes]]:
    taking = _Taking()
    for member in TarReader(source.plain(CONFIGURATION)).members(taking.take):
        if taking.content is not None:
            yield member.name.removeprefix(ROOT), bytes(taking.content)
        taking.content = None


class _Taking:
    """Holds the file that is just read."""

    def __init__(self) -> None:
        self.content: bytearray | None = None

    def take(self, name: str, _mode: int) -> Callable[[memoryview], object] | None:
        if not name.startswith(ROOT):
            return None
        self.content = content = bytearray()

        def keep(piece: memoryview) -> None:
            content.extend(piece[: max(0, LARGEST_BYTES - len(content))])

        return keep


def _present(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            try:
                with path.open("rb") as file:
                    yield path.relative_to(directory).as_posix(), file.read(LARGEST_BYTES)
            except OSError:
                continue


def _lines(content: bytes, redactor: Redactor) -> list[str]:
    return redactor.redact(content.decode(errors="replace")).splitlines()


def _keys(content: bytes | None) -> dict[str, str]:
    if content is None:
        return {}
    reader = configparser.RawConfigParser(strict=False)
    try:
        reader.read_string(content.decode(errors="replace"))
    except configparser.Error:
        return {}
    return dict(reader.items("secrets")) if reader.has_section("secrets") else {}
