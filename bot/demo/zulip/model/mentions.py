"""Who a message mentions: outside of code and quotes, aloud, by name or by name and id."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.demo.zulip.model.people import Person

MENTION = re.compile(r"(?<![^\s'\"({\[/<])@(?P<silent>_?)\*\*(?P<name>[^*]+)\*\*")
FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})[ ]*(?P<kind>[^`\n]*)$")
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
CHANNEL_WILDCARDS = frozenset({"all", "everyone", "channel", "stream"})


@dataclass(frozen=True, slots=True)
class Mentions:
    """The people a message calls by name, and whether it calls the whole channel or topic."""

    people: frozenset[int] = frozenset()
    channel: bool = False
    topic: bool = False


def find_mentions(content: str, people: Iterable[Person]) -> Mentions:
    """Silent mentions (`@_**name**`) call nobody; letter case does not matter (seen on 9.2)."""
    names = [
        match["name"].strip() for match in MENTION.finditer(_spoken(content)) if not match["silent"]
    ]
    wildcards = {name.casefold() for name in names}
    known = list(people) if names else []
    return Mentions(
        frozenset(person.id for name in names for person in known if _is_named(person, name)),
        channel=bool(wildcards & CHANNEL_WILDCARDS),
        topic="topic" in wildcards,
    )


def _is_named(person: Person, name: str) -> bool:
    full_name, bar, number = name.rpartition("|")
    if bar and number.isdecimal():
        same_name = full_name.casefold() in {"", person.full_name.casefold()}
        return person.id == int(number) and same_name
    return person.full_name.casefold() == name.casefold()


def _spoken(content: str) -> str:
    """The text without code and quotes; spoilers stay, as their text is said aloud."""
    lines: list[str] = []
    fences: list[_Fence] = []
    in_quote = False
    for line in content.split("\n"):
        fence = FENCE.match(line)
        inside = fences[-1] if fences else None
        if inside and line.strip() == inside.mark:
            fences.pop()
        elif fence and not (inside and inside.is_code):
            word = fence["kind"].strip().split(" ", 1)[0]
            is_mute = word != "spoiler" or (inside is not None and inside.is_mute)
            fences.append(_Fence(fence["mark"], word not in {"quote", "spoiler"}, is_mute))
        elif not (inside and inside.is_mute):
            in_quote = line.lstrip().startswith(">") or (in_quote and bool(line.strip()))
            lines.append("" if in_quote else line)
    return INLINE_CODE.sub("", "\n".join(lines))


@dataclass(frozen=True, slots=True)
class _Fence:
    """An open fence: within code no other opens, within a quote nothing is said aloud."""

    mark: str
    is_code: bool
    is_mute: bool
