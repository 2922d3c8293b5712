"""How figures, times and foreign text are written in messages."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from handlers.wording import duration


def age(since: str, now: str) -> str:
    """How long ago the ISO time `since` was, seen at the ISO time `now`."""
    return duration(max(1, round(age_seconds(since, now))))


def age_seconds(since: str, now: str) -> float:
    """Seconds from the ISO time `since` to the ISO time `now`."""
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(since)
    return passed / timedelta(seconds=1)


def moment(iso_time: str) -> str:
    """A time that each reader sees in their own zone."""
    at = datetime.fromisoformat(iso_time).astimezone(UTC)
    return f"<time:{at.isoformat(timespec='seconds').replace('+00:00', 'Z')}>"


def count(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`, `no jobs`."""
    words = noun if number == 1 else f"{noun}s"
    return f"{number} {words}" if number else f"no {words}"


def code(text: str) -> str:
    """Foreign text inside inline code: one line, and no backtick can end it."""
    flat = " ".join(text.split())
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if longest else ""
    return f"{fence}{padding}{flat or ' '}{padding}{fence}"


def to_type(bot_name: str, command: str) -> str:
    """A command as somebody types it, so that it can be copied."""
    return code(f"@{bot_name} {command}")


def fence(text: str, language: str = "text") -> str:
    """Foreign text in a block that is longer than any run of backticks or tildes inside it."""
    longest = max((len(run) for run in re.findall(r"`+|~+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def spoiler(title: str, body: str) -> str:
    """A folded block; its own fence is longer than any inside."""
    longest = max((len(run) for run in re.findall(r"`+", body)), default=2)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}spoiler {title}\n{body}\n{ticks}"


def listing(words: Sequence[str], joint: str = "and") -> str:
    """`a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def person(name: str, user_id: int | None) -> str:
    """Somebody by name and id, without notifying them."""
    if user_id is None:
        return name
    return f"@_**{plain(name)}|{user_id}**"


def mentioned(user_ids: Sequence[int]) -> str:
    """People by their ids, without notifying them; Zulip shows their present names."""
    return listing([f"@_**|{user_id}**" for user_id in user_ids])


def plain(text: str) -> str:
    """A name without the signs that mean something in Zulip's markdown."""
    return re.sub(r"[*`|\[\]<>#@\n\r~]", "", text).strip() or "somebody"
