"""Reads until when something is to last, as people say it (pure)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from handlers.errors import BadCommand, Reason

_BECAUSE = re.compile(r"(?:(?P<when>.*?)[, ]+)?because (?P<why>.*)", re.IGNORECASE)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = re.compile(r"[A-Za-z]{3,9}|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(rf"(?:(?P<day>{_DAY.pattern})[ T])?(?P<clock>.+)")
_SPAN = re.compile(r"(?:([0-9]{1,3}) ?d)? ?(?:([0-9]{1,4}) ?h)? ?(?:([0-9]{1,5}) ?min)?")
_HOW_UNTIL = "For example: `hold until Mon 06:00 because the exams go on`."
_HOW_FOR = "For example: `hold for 2h because the exams go on`."


@dataclass(frozen=True, slots=True)
class Until:
    """A moment, and the reason given for waiting until it."""

    at: datetime
    why: str


def until(text: str, now: datetime, zone: ZoneInfo) -> Until:
    """`Mon 06:00 because ...`, `2026-11-30T06:00 because ...`, `06:00 because ...`; the next such
    time by the clock of the zone. Raises BadCommand."""
    when, why = _split(text, _HOW_UNTIL)
    return Until(moment(when, now, zone, _HOW_UNTIL), why)


def lasting(text: str, now: datetime) -> Until:
    """`2h because ...`, `90min because ...`, `1d 12h because ...`; raises BadCommand."""
    when, why = _split(text, _HOW_FOR)
    return Until(now + span(when, _HOW_FOR), why)


def moment(text: str, now: datetime, zone: ZoneInfo, hint: str) -> datetime:
    """The next such time by the clock of the zone; raises BadCommand."""
    found = _CLOCK.fullmatch(text)
    try:
        clock = time.fromisoformat(found["clock"] if found else "")
        days = _days(found["day"] if found else None, now.astimezone(zone).date())
    except ValueError:
        raise _bad(f"`{text}` is no time that I understand.", hint) from None
    if clock.tzinfo is not None:
        raise _bad("Leave the zone out: times are meant by the clock here.", hint)
    moments = [datetime.combine(day, clock, zone).astimezone(UTC) for day in days]
    return next((one for one in moments if one > now), moments[-1])


def end_of_day(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the day that the text names alone is over, `2027-01-31` or `Mon`; None: it is no day."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = _days(text, now.astimezone(zone).date())[0]
    except ValueError:
        return None
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def span(text: str, hint: str) -> timedelta:
    """`2h`, `90min`, `1d 12h`; raises BadCommand."""
    found = _SPAN.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not length:
        raise _bad(f"`{text}` is no length of time that I understand.", hint)
    return length


def _split(text: str, hint: str) -> tuple[str, str]:
    found = _BECAUSE.fullmatch(" ".join(text.split()))
    if found is None:
        raise _bad("A hold needs a reason: say `because` and why.", hint)
    return (found["when"] or "").strip(), found["why"].strip()


def _days(text: str | None, today: date) -> list[date]:
    """The days that may be meant, the next first."""
    word = (text or "today").lower()
    if word in {"today", "tomorrow"}:
        first = today if word == "today" else today + timedelta(days=1)
        # A time alone that is over today is meant for tomorrow.
        return [first] if text else [first, first + timedelta(days=1)]
    if word[:3] in _DAYS and word[0].isalpha():
        ahead = (_DAYS.index(word[:3]) - today.weekday()) % 7
        return [today + timedelta(days=ahead), today + timedelta(days=ahead + 7)]
    return [date.fromisoformat(word)]


def _bad(sentence: str, hint: str) -> BadCommand:
    return BadCommand(sentence.replace("``", "That"), reason=Reason.BAD_ARGUMENT, hint=hint)
