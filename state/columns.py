"""Column types that SQLite's STRICT tables accept, and the way from a row to a dataclass."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Dialect, Integer, Table, Text
from sqlalchemy.types import TypeDecorator

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
Facts = Mapping[str, JSON]


def canonical_json(value: object) -> str:
    """The one way in which a value is written down, so that equal values are equal text.

    ASCII only (lone surrogates survive as escapes), no NaN; any mapping counts as an object.
    """
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
        default=_plain,
    )


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def iso(at: datetime) -> str:
    """Aware time as UTC text of fixed width, so that text order is time order."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, stored as ISO text in UTC."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else iso(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class YesNo(TypeDecorator[bool]):
    """A boolean, stored as 0 or 1."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class JsonText(TypeDecorator[JSON]):
    """A JSON value, stored as canonical text; None is NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: JSON, dialect: Dialect) -> str | None:
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> JSON:
        return None if value is None else _read_json(value)


class Words(TypeDecorator[str]):
    """Text from outside: what UTF-8 cannot carry (lone surrogates) becomes a question mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.encode("utf-8", "replace").decode("utf-8")


def _read_json(text: str) -> JSON:
    value: JSON = json.loads(text)
    return value


def columns_for(table: Table, row_type: type) -> list[Column[Any]]:
    """The columns of a dataclass in the order of its fields: `row_type(*row)` then fits."""
    return [table.c[name] for name in row_type.__annotations__]
