"""Turns Zulip's markdown into plain lines for a terminal."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([^`]*)$")
_CODE = re.compile(r"(`+).+?\1(?!`)")
_MENTION = re.compile(r"@_?\*\*([^*|]*)(?:\|(\d+))?\*\*")
_CHANNEL = re.compile(r"#\*\*([^*>]+)(?:>([^*]+))?\*\*")
_TIME = re.compile(r"<time:([^>]+)>")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_STRONG = re.compile(r"(\*{1,2})(?=\S)(.+?)(?<=\S)\1")
_ITEM = re.compile(r"\s*(?:[-*•]|\d+\.)\s+")


@dataclass(frozen=True, slots=True)
class Paper:
    """How wide lines may be, and where the reader is."""

    width: int = 100
    #: None: where this computer is.
    zone: tzinfo | None = None
    #: Who is meant where only a number stands.
    names: Mapping[int, str] = field(default_factory=dict)


def readable(markdown: str, paper: Paper) -> list[str]:
    """The lines of a message; what stands in a code block is neither changed nor broken."""
    return list(_Lines(paper).of(markdown))


@dataclass(slots=True)
class _Lines:
    paper: Paper
    #: The fences that are open, each with whether code stands in it.
    open: list[tuple[str, bool]] = field(default_factory=list)

    def of(self, markdown: str) -> Iterator[str]:
        for line in markdown.splitlines():
            fence = _FENCE.match(line)
            if self.open and line.strip() == self.open[-1][0]:
                self.open.pop()
            elif self._in_code:
                yield f"  │ {line}"
            elif fence:
                yield from self._opened(fence.group(1), fence.group(2).strip())
            else:
                yield from self._wrapped(inline(line, self.paper))

    @property
    def _in_code(self) -> bool:
        return any(is_code for _, is_code in self.open)

    def _opened(self, fence: str, word: str) -> Iterator[str]:
        kind, _, title = word.partition(" ")
        folded = kind in {"spoiler", "quote"}
        self.open.append((fence, not folded))
        if kind == "spoiler":
            yield f"{title or 'Details'}:"

    def _wrapped(self, line: str) -> list[str]:
        item = _ITEM.match(line)
        return textwrap.wrap(
            line,
            self.paper.width,
            subsequent_indent=" " * len(item.group(0)) if item else "",
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]


def inline(line: str, paper: Paper) -> str:
    """One line without markup; inline code keeps its backticks, for it is to be typed."""
    parts, end = [], 0
    for code in _CODE.finditer(line):
        parts += [_plain(line[end : code.start()], paper), code.group(0)]
        end = code.end()
    return "".join([*parts, _plain(line[end:], paper)])


def _plain(text: str, paper: Paper) -> str:
    text = _MENTION.sub(lambda found: f"@{_name(found, paper)}", text)
    text = _CHANNEL.sub(lambda found: place(found.group(1), found.group(2) or ""), text)
    text = _TIME.sub(lambda found: local_time(found.group(1), paper.zone), text)
    text = _LINK.sub(lambda found: f"{found.group(1)} ({_address(found.group(2))})", text)
    return _STRONG.sub(r"\2", text)


def _name(mention: re.Match[str], paper: Paper) -> str:
    number = mention.group(2)
    return mention.group(1) or (paper.names.get(int(number), number) if number else "")


def place(channel: str, topic: str) -> str:
    """`#ops › backup now`."""
    return f"#{channel} › {topic}" if topic else f"#{channel}"


def local_time(iso_time: str, zone: tzinfo | None) -> str:
    """As the reader's clock shows it; what is no time stays as it is."""
    try:
        moment = datetime.fromisoformat(iso_time)
    except ValueError:
        return iso_time
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}".strip()


def _address(link: str) -> str:
    """Only who is logged in to Zulip can open what was uploaded there."""
    return "a file, see the page" if link.startswith("/") else link
