"""Reads a line of cron in a time zone: when it is due, and how that is said."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from handlers.errors import BadCommand, Reason

_SOME_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def zone(name: str) -> ZoneInfo:
    """The time zone of this name; raises BadCommand."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadCommand(
            f"There is no time zone `{name}`.",
            reason=Reason.BAD_ARGUMENT,
            hint="Write it as `Europe/Berlin` or `UTC`.",
        ) from None


def occurrences(cron: str, tz: str, after: datetime) -> Iterator[datetime]:
    """The moments (UTC) after `after` at which it is due.

    cronsim gives exactly one moment a day for a daily line, also where clocks are moved.
    """
    for moment in CronSim(cron, after.astimezone(ZoneInfo(tz))):
        yield moment.astimezone(UTC)


def explain(cron: str, tz: str) -> str:
    """The line in words, as `at 02:00 every day`."""
    words = CronSim(cron, _SOME_MOMENT.astimezone(ZoneInfo(tz))).explain()
    return words[0].lower() + words[1:]


def check(cron: str, tz: str) -> None:
    """Raise BadCommand when it cannot be read."""
    if len(cron.split()) != 5:
        raise _bad(f"`--cron` needs five fields, and `{cron}` has {len(cron.split())}.")
    try:
        CronSim(cron, _SOME_MOMENT.astimezone(zone(tz)))
    except CronSimError as error:
        raise _bad(f"`--cron` cannot be read: `{cron}` ({error}).") from None


def _bad(sentence: str) -> BadCommand:
    hint = "Minute, hour, day of the month, month, day of the week: `0 2 * * *` is every night."
    return BadCommand(sentence, reason=Reason.BAD_ARGUMENT, hint=hint)
