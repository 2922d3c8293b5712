"""Decides when recurring commands are due, and what becomes of runs that were missed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from handlers.schedules import cron_line
from jobs.configuration import CatchUp
from state.schedule_store import Schedule

#: A schedule that runs each minute and was away for a week; beyond it the oldest are left out.
_MOST_MISSED = 10_080


@dataclass(frozen=True, slots=True)
class Recurrence:
    """When a schedule is due, and how it treats what it missed."""

    cron: str
    tz: str
    catch_up: CatchUp
    grace: timedelta


def recurrence_of_row(row: Schedule) -> Recurrence:
    """The timing of a schedule as it is in force."""
    grace = timedelta(minutes=row.grace_minutes)
    return Recurrence(row.cron, row.tz, cast(CatchUp, row.catch_up), grace)


def recurrences(rows: Iterable[Schedule]) -> dict[str, Recurrence]:
    """By name: when the clock has to be looked at. What is paused or suspended is due never."""
    return {
        row.name: recurrence_of_row(row) for row in rows if not row.paused and not row.suspended
    }


@dataclass(frozen=True, slots=True)
class Due:
    """What to start now: `caught_up` marks a run that is started late."""

    due_at: datetime
    caught_up: bool


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a look at the clock brings: runs to start, and what was missed."""

    due: tuple[Due, ...]
    missed: tuple[datetime, ...]
    #: Up to here nothing is owed any more.
    settled_until: datetime | None


def occurrences(recurrence: Recurrence, after: datetime) -> Iterator[datetime]:
    """The moments (UTC) after `after` at which it is due."""
    return cron_line.occurrences(recurrence.cron, recurrence.tz, after)


def next_due(recurrence: Recurrence, after: datetime) -> datetime | None:
    """The next moment after `after`, or none when the line never comes true."""
    return next(occurrences(recurrence, after), None)


def reckon(recurrence: Recurrence, after: datetime, now: datetime) -> Reckoning:
    """What is owed for the time from `after` (excluded) to `now` (included).

    A run found within its grace is on time; an older one was missed and is treated as `catch_up`
    says. A clock that went backwards owes nothing.
    """
    moments: list[datetime] = []
    for moment in occurrences(recurrence, after):
        if moment > now:
            break
        moments.append(moment)
        if len(moments) > _MOST_MISSED:
            del moments[0]
    on_time = [moment for moment in moments if now - moment <= recurrence.grace]
    missed = [moment for moment in moments if now - moment > recurrence.grace]
    if len(on_time) > 1:
        # A short gap: only the newest is on time, those before it were missed too.
        missed += on_time[:-1]
        on_time = on_time[-1:]
    due = [Due(moment, caught_up=True) for moment in _caught_up(recurrence, missed, on_time)]
    due += [Due(moment, caught_up=False) for moment in on_time]
    return Reckoning(tuple(due), tuple(missed), moments[-1] if moments else None)


def _caught_up(
    recurrence: Recurrence, missed: list[datetime], on_time: list[datetime]
) -> list[datetime]:
    if recurrence.catch_up == "all":
        return missed
    if recurrence.catch_up == "once" and missed and not on_time:
        return missed[-1:]
    return []


def explain(recurrence: Recurrence) -> str:
    """The line in words, as `At 02:00 every day`."""
    return cron_line.explain(recurrence.cron, recurrence.tz)


def source_key(name: str, due_at: datetime) -> str:
    """What makes one due time of one schedule the same command, however often it is found."""
    return f"schedule/{name}/{due_at.astimezone(UTC).isoformat()}"
