"""Makes a text fit for Zulip: nothing that it refuses, and never so long that it is cut off."""

import re

#: Zulip cuts at 10 000 characters without a word; this leaves room for a person's quote of it.
LONGEST_TEXT = 9_000
#: How much of the room the beginning gets; the rest is for the end, where errors stand.
BEGINNING = 5_000
#: An answer goes in so many messages at most; a longer one goes in a file.
MOST_PARTS = 3
#: How much of a text that goes in a file is shown beside it.
PREVIEW = 2_000
#: Room for closing a fence.
FENCE_ROOM = 100
#: How far a cut may move to fall between two lines.
LINE_SEARCH = 400
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def fit(text: str) -> str:
    """The text as Zulip will store it; a long one loses its middle, and a line says how much."""
    text = clean(text)
    if len(text) <= LONGEST_TEXT:
        return text
    end = _line_end_before(text, BEGINNING)
    start = _line_start_after(text, len(text) - (LONGEST_TEXT - BEGINNING - 200))
    before, after = open_fence(text[:end]), open_fence(text[:start])
    parts = (
        text[:end],
        before,
        f"*({start - end} characters are left out here)*",
        after,
        text[start:],
    )
    return "\n".join(part for part in parts if part is not None)


def is_long(text: str) -> bool:
    """Whether Zulip would not take it whole."""
    return len(clean(text)) > LONGEST_TEXT


def in_parts(text: str) -> list[str]:
    """The text in pieces that fit, cut between lines; an open fence is closed and opened again."""
    parts: list[str] = []
    rest = clean(text)
    while len(rest) > LONGEST_TEXT:
        end = _line_end_before(rest, LONGEST_TEXT - FENCE_ROOM)
        part, rest = rest[:end], rest[end:].removeprefix("\n")
        fence = open_fence(part)
        if fence is not None:
            part, rest = f"{part}\n{fence}", f"{_reopening(part, fence)}\n{rest}"
        parts.append(part)
    return [*parts, rest]


def preview(text: str, link: str) -> str:
    """The beginning of a text that lies whole in a file."""
    text = clean(text)
    shown = text[: _line_end_before(text, PREVIEW)]
    left_out = len(text) - len(shown)
    note = f"*({left_out} characters more: [the whole answer]({link}))*"
    return "\n".join(part for part in (shown, open_fence(shown), note) if part is not None)


def clean(text: str) -> str:
    """Zulip refuses NUL, cannot take half characters, and strips what this strips."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return whole.rstrip().lstrip("\n")


def open_fence(text: str) -> str | None:
    """The fence of the code block that is still open at the end of the text."""
    fence: str | None = None
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found is None:
            continue
        if fence is None:
            fence = found[1]
        elif found[1].startswith(fence) and not line.strip(" " + fence[0]):
            fence = None
    return fence


def _reopening(text: str, fence: str) -> str:
    """The line that opened the fence, which may name a language or make a spoiler."""
    lines = [line for line in text.splitlines() if line.lstrip().startswith(fence)]
    return lines[-1] if len(lines[-1]) < FENCE_ROOM else fence


def link_to(site: str, message_id: int) -> str:
    """The address of a message; it stays the same wherever the message is moved."""
    return f"{site}/#narrow/id/{message_id}"


def _line_end_before(text: str, place: int) -> int:
    found = text.rfind("\n", place - LINE_SEARCH, place)
    return place if found < 0 else found


def _line_start_after(text: str, place: int) -> int:
    found = text.find("\n", place, place + LINE_SEARCH)
    return place if found < 0 else found + 1
