"""Turn the markdown of a message into the HTML that Zulip would show, as far as a bot uses it."""

import re
from collections.abc import Sequence
from html import escape

from bot.demo.zulip.model.mentions import FENCE
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.rendering_inline import render_inline

HEADING = re.compile(r"^(?P<marks>#{1,6}) +(?P<text>.+?)(?: +#+)?$")
BULLET = re.compile(r"^\s*[*+-] +(?P<text>.*)$")
NUMBER = re.compile(r"^\s*(?P<number>\d+)\. +(?P<text>.*)$")
QUOTE = re.compile(r"^ {0,3}> ?(?P<text>.*)$")
TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
MAX_DEPTH = 6


def render(content: str, people: Sequence[Person]) -> str:
    """HTML in which nothing of the text is markup unless this module made it so."""
    return _Blocks(people).render(content.split("\n"), depth=0)


class _Blocks:
    """One pass over the lines of a message."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._people = people

    def render(self, lines: Sequence[str], depth: int) -> str:
        rest = list(lines)
        blocks: list[str] = []
        while rest:
            if not rest[0].strip():
                rest.pop(0)
                continue
            blocks.append(self._next_block(rest, depth))
        return "\n".join(blocks)

    def _next_block(self, rest: list[str], depth: int) -> str:
        """Takes the lines of one block off `rest`."""
        line = rest[0]
        fence = FENCE.match(line)
        if fence and depth < MAX_DEPTH:
            return self._fence(rest, fence["mark"], fence["kind"].strip(), depth)
        heading = HEADING.match(line)
        if heading:
            rest.pop(0)
            level = len(heading["marks"])
            return f"<h{level}>{render_inline(heading['text'], self._people)}</h{level}>"
        if QUOTE.match(line) and depth < MAX_DEPTH:
            inner = self.render(_unquoted(rest), depth + 1)
            return f"<blockquote>\n{inner}\n</blockquote>"
        if "|" in line and len(rest) > 1 and TABLE_RULE.match(rest[1]):
            return self._table(rest)
        for pattern, tag in ((BULLET, "ul"), (NUMBER, "ol")):
            if pattern.match(line):
                return self._list(rest, pattern, tag)
        return self._paragraph(rest)

    def _fence(self, rest: list[str], mark: str, kind: str, depth: int) -> str:
        rest.pop(0)
        inner = _until_close(rest, mark)
        word, _, title = kind.partition(" ")
        if word == "quote":
            return f"<blockquote>\n{self.render(inner, depth + 1)}\n</blockquote>"
        if word == "spoiler":
            head = f"<p>{render_inline(title.strip(), self._people)}</p>\n" if title else ""
            body = self.render(inner, depth + 1)
            return (
                f'<div class="spoiler-block"><div class="spoiler-header">\n{head}</div>'
                f'<div class="spoiler-content" aria-hidden="true">\n{body}\n</div></div>'
            )
        language = f' data-code-language="{escape(word)}"' if word else ""
        code = escape("\n".join(inner), quote=False)
        return (
            f'<div class="codehilite"{language}><pre><span></span><code>{code}\n</code></pre></div>'
        )

    def _table(self, rest: list[str]) -> str:
        head = _cells(rest.pop(0))
        rest.pop(0)
        rows: list[list[str]] = []
        while rest and "|" in rest[0]:
            rows.append(_cells(rest.pop(0)))
        header = "".join(f"<th>{render_inline(cell, self._people)}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{render_inline(c, self._people)}</td>" for c in row) + "</tr>\n"
            for row in rows
        )
        return f"<table>\n<thead>\n<tr>{header}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>"

    def _list(self, rest: list[str], pattern: re.Pattern[str], tag: str) -> str:
        items: list[str] = []
        first = NUMBER.match(rest[0])
        start = f' start="{first["number"]}"' if first and first["number"] != "1" else ""
        while rest and (match := pattern.match(rest[0])):
            rest.pop(0)
            lines = [match["text"]]
            while rest and rest[0].startswith("  ") and not pattern.match(rest[0]):
                lines.append(rest.pop(0).strip())
            items.append(f"<li>{render_inline(chr(10).join(lines), self._people)}</li>")
        return f"<{tag}{start}>\n" + "\n".join(items) + f"\n</{tag}>"

    def _paragraph(self, rest: list[str]) -> str:
        lines = [rest.pop(0)]
        while rest and rest[0].strip() and not _opens_block(rest[0]):
            lines.append(rest.pop(0))
        return f"<p>{render_inline(chr(10).join(lines), self._people)}</p>"


def _opens_block(line: str) -> bool:
    return any(pattern.match(line) for pattern in (FENCE, HEADING, QUOTE, BULLET, NUMBER))


def _until_close(rest: list[str], mark: str) -> list[str]:
    """The lines of a fence; inner fences count, so that a spoiler may hold code."""
    inner: list[str] = []
    open_marks = [mark]
    while rest:
        line = rest.pop(0)
        if line.strip() == open_marks[-1]:
            open_marks.pop()
            if not open_marks:
                break
        elif (fence := FENCE.match(line)) and fence["kind"].strip():
            open_marks.append(fence["mark"])
        inner.append(line)
    return inner


def _unquoted(rest: list[str]) -> list[str]:
    inner: list[str] = []
    while rest and rest[0].strip():
        match = QUOTE.match(rest[0])
        inner.append(match["text"] if match else rest[0])
        rest.pop(0)
    return inner


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
