"""Reads what the observer last saw of the host, with the age of each part."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from handlers.checks.contract import Level
from handlers.contract import JSON, Facts
from handlers.errors import OpsError, Reason

FACTS_FILE = "facts.json"
VERSION = 1


class FactsError(OpsError):
    """There is a facts.json, but it cannot be read or says nothing that we understand."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} could not be read: {why}.",
            reason=Reason.NOT_CONFIGURED,
            hint="See whether the bot's account may read the file, and which version wrote it.",
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """What one check found, and when."""

    name: str
    at: datetime
    level: Level
    sentence: str
    hint: str | None
    values: Facts
    #: How long the check took.
    seconds: float

    def age(self, now: datetime) -> timedelta:
        return now - self.at

    def text(self, key: str) -> str | None:
        """The value as text; None where it is missing or something else, as in all of these."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> float | None:
        value = self.values.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def whole(self, key: str) -> int | None:
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, key: str) -> bool | None:
        value = self.values.get(key)
        return value if isinstance(value, bool) else None

    def records(self, key: str) -> tuple[Facts, ...]:
        """The tables of a list; empty where there is none."""
        value = self.values.get(key)
        if not isinstance(value, list):
            return ()
        return tuple(each for each in value if isinstance(each, dict))


@dataclass(frozen=True, slots=True)
class Round:
    """One round of observations; facts of checks that were not due are carried over."""

    started_at: datetime
    ended_at: datetime
    boot_id: str
    facts: Mapping[str, Fact]

    def age(self, now: datetime) -> timedelta:
        return now - self.ended_at


def read_facts(state_directory: Path) -> Round | None:
    """The last round; None before the first. Raises FactsError."""
    path = state_directory / FACTS_FILE
    try:
        return _round(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FactsError(path, error.strerror or str(error)) from error
    except KeyError as error:
        raise FactsError(path, f"it has no {error}") from error
    except (ValueError, TypeError) as error:
        raise FactsError(path, str(error)) from error


def _round(record: JSON) -> Round:
    if not isinstance(record, dict) or record["version"] != VERSION:
        raise ValueError(f"it is not of version {VERSION}")
    facts = record["facts"]
    if not isinstance(facts, dict):
        raise TypeError("its facts are not a table")
    return Round(
        started_at=_moment(record["round_started_at"]),
        ended_at=_moment(record["round_ended_at"]),
        boot_id=str(record["boot_id"]),
        facts={name: _fact(name, each) for name, each in facts.items()},
    )


def _fact(name: str, record: JSON) -> Fact:
    if not isinstance(record, dict):
        raise TypeError(f"{name} is not a table")
    values, hint, seconds = record["values"], record["hint"], record["seconds"]
    if not isinstance(values, dict) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} is not of the shape of a fact")
    return Fact(
        name=name,
        at=_moment(record["at"]),
        level=Level(str(record["level"])),
        sentence=str(record["sentence"]),
        hint=None if hint is None else str(hint),
        values=values,
        seconds=float(seconds),
    )


def _moment(value: JSON) -> datetime:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return moment
