"""Reads the fields of JSON records that another process wrote, and names the one that is wrong."""

import json
import re
from collections.abc import Mapping
from datetime import datetime

from handlers.contract import JSON
from handlers.errors import OpsError, Reason


class Unreadable(OpsError):
    """A record is damaged, or of a version that we do not know."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=Reason.BUG)


class Fields:
    """The fields of one record; every method raises Unreadable for what is not as it must be."""

    def __init__(self, record: JSON, what: str) -> None:
        if not isinstance(record, dict):
            raise Unreadable(f"{what} is not a table.")
        self._record = record
        self._what = what

    @classmethod
    def parse(cls, text: str | bytes, what: str) -> "Fields":
        try:
            return cls(json.loads(text), what)
        except ValueError as error:
            raise Unreadable(f"{what} is not JSON: {error}.") from error
        except RecursionError:
            raise Unreadable(f"{what} is nested too deeply.") from None

    def version(self, name: str, current: int) -> None:
        """We read what we write ourselves and what the version before us wrote."""
        version = self.whole(name)
        if version not in {current, current - 1}:
            raise Unreadable(f"{self._what} is of version {version}; {current} is known here.")

    def text(self, name: str) -> str:
        value = self._record.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "text")
        return value

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        """A text that matches as a whole."""
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise Unreadable(f"`{name}` of {self._what} cannot be {value[:80]!r}.")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._record.get(name) is None else self.text(name)

    def whole(self, name: str) -> int:
        value = self._record.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "a whole number")
        return value

    def optional_whole(self, name: str) -> int | None:
        return None if self._record.get(name) is None else self.whole(name)

    def flag(self, name: str) -> bool:
        value = self._record.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def moment(self, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.text(name))
        except ValueError:
            raise self._wrong(name, "a time") from None
        if moment.tzinfo is None:
            raise self._wrong(name, "a time with its zone")
        return moment

    def optional_moment(self, name: str) -> datetime | None:
        return None if self._record.get(name) is None else self.moment(name)

    def table(self, name: str) -> dict[str, JSON]:
        value = self._record.get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "a table")
        return value

    def fields(self, name: str) -> "Fields":
        return Fields(self.table(name), f"`{name}` of {self._what}")

    def optional_fields(self, name: str) -> "Fields | None":
        return None if self._record.get(name) is None else self.fields(name)

    def wholes(self, name: str) -> list[int]:
        """A list of whole numbers."""
        value = self._record.get(name)
        numbers = [one for one in value if isinstance(one, int)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(numbers) != len(value):
            raise self._wrong(name, "a list of whole numbers")
        return numbers

    def list(self, name: str) -> list[JSON]:
        value = self._record.get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value

    def nothing_but(self, *known: str) -> None:
        """Refuse a record with a field that we do not know: whoever wrote it means more by it."""
        unknown = sorted(name for name in self._record if name not in known)
        if unknown:
            raise Unreadable(f"{self._what} has a field {unknown[0][:80]!r}, not known here.")

    def rest(self, *taken: str) -> Mapping[str, JSON]:
        """All fields but these."""
        return {name: value for name, value in self._record.items() if name not in taken}

    def _wrong(self, name: str, wanted: str) -> Unreadable:
        return Unreadable(f"`{name}` of {self._what} is missing or not {wanted}.")
