"""Reads until when a copy is to be kept, and puts the moment in the place of the words (pure)."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.grammar import Parsed
from bot.understanding.moments import end_of_day, moment, span
from handlers.errors import BadCommand, Reason

KEEP = "backup keep"
OFF = "off"
_HINT = (
    "For example: `backup keep 12 until 2027-01-31`, `backup keep 12 for 90d`,"
    " `backup keep 12 off`."
)


def with_moment(parsed: Parsed, now: datetime, zone: ZoneInfo) -> Parsed:
    """The command as it is, unless it is about keeping a copy; raises BadCommand."""
    if parsed.verb.name != KEEP or parsed.help_wanted:
        return parsed
    until = _until(str(parsed.arguments["until"]), now, zone)
    return replace(parsed, arguments={**parsed.arguments, "until": until})


def _until(text: str, now: datetime, zone: ZoneInfo) -> str:
    """`until 2027-01-31` is to the end of that day; `until Mon 06:00`, `for 90d`, `off`."""
    word, _, rest = text.partition(" ")
    match word.lower():
        case "off" if not rest:
            return OFF
        case "until" if rest:
            at = end_of_day(rest, now, zone) or moment(rest, now, zone, _HINT)
        case "for" if rest:
            at = now + span(rest, _HINT)
        case _:
            raise BadCommand(
                f"`{text}` does not say until when.", reason=Reason.BAD_ARGUMENT, hint=_HINT
            )
    if at <= now:
        raise BadCommand("That time is over already.", reason=Reason.BAD_ARGUMENT, hint=_HINT)
    return at.astimezone(UTC).replace(microsecond=0).isoformat()
