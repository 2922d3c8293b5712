"""What a check is, what it is given, and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from handlers.contract import Clock, Facts
from handlers.host.layout import Layout
from handlers.host.settings import HostSettings, KeySettings, StoreSettings


class Level(StrEnum):
    """How bad a finding is. Stored, never renamed."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    #: It could not be seen; the sentence says what and why.
    UNKNOWN = "unknown"


#: From the most to the least pressing: a known warning says more than something unseen.
PRESSING = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.OK)


def worst(levels: Iterable[Level]) -> Level:
    return min(levels, key=PRESSING.index, default=Level.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: one sentence for people, plain values for everyone else."""

    level: Level
    sentence: str
    #: Sizes in bytes, durations in seconds, times in ISO 8601 with their zone.
    values: Facts = field(default_factory=dict)
    #: What to do; a warning and a critical finding always carry one.
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Exactly what a check may look at."""

    host: HostSettings
    stores: tuple[StoreSettings, ...]
    state_directory: Path
    clock: Clock
    #: The observer cuts the check off then.
    time_limit: timedelta
    #: To whom copies are sealed.
    keys: KeySettings = KeySettings()

    @property
    def layout(self) -> Layout:
        return Layout(self.host.root)

    @property
    def patience(self) -> timedelta:
        """How long to wait for anybody else, so that there is time left to say who was silent."""
        return self.time_limit * 0.8


@dataclass(frozen=True, slots=True)
class Check:
    """One observation. `observe` raises OpsError or OSError for what it cannot see at all."""

    name: str
    summary: str
    observe: Callable[[Context], Finding]
    every: timedelta = timedelta(minutes=1)
