"""Shows the commit record of a backup: the file itself, with long lists cut."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handlers.backups.repository import commit_key

_LONGEST_LIST = 5
_LISTED = 3
_INDENT = "  "


def manifest_path(store: Path, snapshot: str) -> Path:
    """Where a local store keeps the commit record."""
    return store / commit_key(snapshot)


def shown(path: Path, width: int) -> str:
    """The record as JSON for people; what fits on a line stands on one.

    Raises OSError and ValueError where there is no such record.
    """
    return "\n".join(_lines(_shortened(json.loads(path.read_bytes())), width))


def _shortened(value: Any) -> Any:
    """The same, with the end of each long list replaced by how much is left out."""
    if isinstance(value, Mapping):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list) and len(value) > _LONGEST_LIST:
        value = [*value[:_LISTED], f"… and {len(value) - _LISTED} more"]
    return [_shortened(each) for each in value] if isinstance(value, list) else value


def _lines(value: Any, width: int, before: str = "", after: str = "") -> Iterator[str]:
    whole = json.dumps(value, ensure_ascii=False)
    is_open = isinstance(value, Mapping | list) and len(value) > 0
    if not is_open or len(before) + len(whole) + len(after) <= width:
        yield f"{before}{whole}{after}"
        return
    indent = before[: len(before) - len(before.lstrip())]
    first, last = "{}" if isinstance(value, Mapping) else "[]"
    yield f"{before}{first}"
    entries = list(_entries(value))
    for number, (name, each) in enumerate(entries, 1):
        comma = "," if number < len(entries) else ""
        yield from _lines(each, width, f"{indent}{_INDENT}{name}", comma)
    yield f"{indent}{last}{after}"


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"{json.dumps(key)}: ", each) for key, each in value.items())
    else:
        yield from (("", each) for each in value)
