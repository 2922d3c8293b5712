"""Maintenance windows: at which times of the week jobs of an effect may start (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: So far ahead an opening is looked for: each day of the week, and one that clocks take away.
_FAR = timedelta(days=15)
_WINDOW = re.compile(
    r"(?:(?P<days>[A-Za-z]{3}(?:[,-][A-Za-z]{3})*) )?"
    r"(?P<start>[0-9]{2}:[0-9]{2})-(?P<end>[0-9]{2}:[0-9]{2}) (?P<zone>[A-Za-z0-9_+/-]+)"
)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours by the clock on the wall of one zone; one that ends before it begins ends on the day
    after. Where clocks are moved, it is what the clock shows that counts."""

    days: frozenset[int]
    start: time
    end: time
    zone: ZoneInfo

    def is_open(self, at: datetime) -> bool:
        """Whether a job may start at this moment."""
        local = at.astimezone(self.zone)
        now = local.time()
        if self.start < self.end:
            return local.weekday() in self.days and self.start <= now < self.end
        began_today = local.weekday() in self.days and now >= self.start
        began_yesterday = (local.weekday() - 1) % 7 in self.days and now < self.end
        return began_today or began_yesterday


@dataclass(frozen=True, slots=True)
class Opening:
    """From when until when jobs may start."""

    start: datetime
    end: datetime


@cache
def parse(text: str) -> Window:
    """`Sat,Sun 02:00-05:00 Europe/Berlin`, `Mon-Fri 22:00-04:00 UTC` or, each day,
    `02:00-05:00 UTC`; raises ValueError with a sentence."""
    found = _WINDOW.fullmatch(" ".join(text.split()))
    if found is None:
        raise ValueError(f"`{text}` is not like `Sat,Sun 02:00-05:00 Europe/Berlin`")
    start, end = _clock(found["start"]), _clock(found["end"])
    if start == end:
        raise ValueError(f"`{text}` begins and ends at the same time")
    try:
        zone = ZoneInfo(found["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"`{found['zone']}` is no time zone") from None
    return Window(_days(found["days"]), start, end, zone)


def is_open(windows: Sequence[Window], at: datetime) -> bool:
    """Without any window it is always open."""
    return not windows or any(window.is_open(at) for window in windows)


def next_opening(windows: Sequence[Window], after: datetime) -> Opening | None:
    """The opening that `after` lies in, from `after` on, or else the next one; to the minute.

    None where none comes within two weeks, as for hours that clocks skip.
    """
    if is_open(windows, after):
        return Opening(after, _closing(windows, after))
    start = _next(windows, after, opening=True)
    return None if start is None else Opening(start, _closing(windows, start))


def _closing(windows: Sequence[Window], start: datetime) -> datetime:
    return _next(windows, start, opening=False) or start + _FAR


def _next(windows: Sequence[Window], after: datetime, *, opening: bool) -> datetime | None:
    """The first minute at which it is open, or not. Openings and closings lie on the edges of the
    windows and on moves of the clock, which all zones make at a whole quarter of an hour."""
    for moment in _edges(windows, after):
        if is_open(windows, moment) is opening:
            return moment
    return None


def _edges(windows: Sequence[Window], after: datetime) -> list[datetime]:
    edges: set[datetime] = set()
    for window in windows:
        day = after.astimezone(window.zone).date() - timedelta(days=1)
        for number in range(_FAR.days + 2):
            edges |= _edges_of_day(window, day + timedelta(days=number))
    return sorted(moment for moment in edges if after < moment <= after + _FAR)


def _edges_of_day(window: Window, day: date) -> set[datetime]:
    local = [datetime.combine(day, at, window.zone) for at in (window.start, window.end, time())]
    edges = {each.replace(fold=fold).astimezone(UTC) for each in local for fold in (0, 1)}
    return edges | _moves_of_clock(window.zone, day)


def _moves_of_clock(zone: ZoneInfo, day: date) -> set[datetime]:
    """The moments of this day at which the zone's offset changes, if it does."""
    begin = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    end = begin + timedelta(hours=54)
    if _offset(zone, begin) == _offset(zone, end):
        return set()
    quarter = timedelta(minutes=15)
    moments = [begin + number * quarter for number in range(int((end - begin) / quarter) + 1)]
    return {at for at in moments if _offset(zone, at) != _offset(zone, at - quarter)}


def _offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is no time of day") from None


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = _day(first), _day(last or first)
        found |= {(begin + number) % 7 for number in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _day(text: str) -> int:
    name = text.capitalize()
    if name not in DAYS:
        raise ValueError(f"`{text}` is no day of the week; they are {', '.join(DAYS)}")
    return DAYS.index(name)
