"""Reads until when something is to last, as people say it (pure)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from handlers.errors import BadCommand, Reason

_BECAUSE = re.compile(r"(?:(?P<when>.*?)[, ]+)?because (?P<why>.*)", re.IGNORECASE)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(?:(?P<day>[A-Za-z]{3,9}|[0-9]{4}-[0-9]{2}-[0-9]{2})[ T])?(?P<clock>.+)")
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
    found = _CLOCK.fullmatch(when)
    try:
        clock = time.fromisoformat(found["clock"] if found else "")
        days = _days(found["day"] if found else None, now.astimezone(zone).date())
    except ValueError:
        raise _bad(f"`{when}` is no time that I understand.", _HOW_UNTIL) from None
    if clock.tzinfo is not None:
        raise _bad("Leave the zone out: times are meant by the clock here.", _HOW_UNTIL)
    moments = [datetime.combine(day, clock, zone).astimezone(UTC) for day in days]
    return Until(next((one for one in moments if one > now), moments[-1]), why)


def lasting(text: str, now: datetime) -> Until:
    """`2h because ...`, `90min because ...`, `1d 12h because ...`; raises BadCommand."""
    when, why = _split(text, _HOW_FOR)
    found = _SPAN.fullmatch(when)
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    span = timedelta(days=days, hours=hours, minutes=minutes)
    if not span:
        raise _bad(f"`{when}` is no length of time that I understand.", _HOW_FOR)
    return Until(now + span, why)


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
