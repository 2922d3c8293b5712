"""Says why one copy may not be deleted, whoever asks for it (pure)."""

from collections.abc import Iterator
from datetime import datetime

from handlers.backups.retention.copies import Copy
from handlers.backups.retention.model import (
    CLOCK_TOLERANCE,
    VERIFIED_FLOOR,
    always_stay,
    full_hour,
)
from handlers.backups.retention.survey import Survey
from handlers.backups.retention.telling import kept_until
from handlers.host.settings import KeepSettings, RetentionSettings

#: Where nobody wrote rules down, the usual number of proven copies is left in peace.
NO_RULES = RetentionSettings(KeepSettings())


def objections(
    survey: Survey, copy: Copy, rules: RetentionSettings | None, now: datetime
) -> tuple[str, ...]:
    """Each as the end of a sentence; none: it may go."""
    return tuple(_objections(survey, copy, rules or NO_RULES, full_hour(now)))


def _objections(
    survey: Survey, copy: Copy, rules: RetentionSettings, hour: datetime
) -> Iterator[str]:
    newest_first = sorted(survey.copies, key=lambda each: each.id, reverse=True)
    # One with a date in the future is in the way of everything, and is nobody's newest; nor is a
    # part of a copy.
    latest = hour + CLOCK_TOLERANCE
    dated = [each for each in newest_first if each.taken_at <= latest and not each.is_part]
    sound = [each for each in newest_first if each.is_sound]
    if dated[:1] == [copy]:
        yield "it is the newest copy there"
    elif sound[:1] == [copy]:
        yield "it is the newest verified copy there"
    consistent = [each for each in sound if each.is_consistent]
    if consistent[:1] == [copy] and sound[:1] != [copy]:
        yield "it is the newest copy there that lacks no file which its database names"
    if copy.kept_until is not None and copy.kept_until > hour:
        yield f"it is {kept_until(copy.kept_until)}"
    if copy in always_stay(newest_first, rules):
        good = "proven" if rules.proven else "verified"
        yield f"it is one of the last {rules.proven or VERIFIED_FLOOR} {good} copies there"
