"""Shows messages on a terminal: where, who, when, what, and what changed since."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.demo.markdown_text import Paper, place, readable
from bot.demo.zulip.views import SeenMessage

_INDENT = "     "
_NARROWEST = 30


@dataclass(slots=True)
class Transcript:
    """Remembers the place of the last message: only a change of place gets a line of its own."""

    paper: Paper
    _place: str | None = None

    def message(self, message: SeenMessage) -> str:
        """A message whole, with the number by which one reacts to it."""
        head = f"{_number(message)} {message.sender} · {self._at(message)}"
        return "\n".join((*self._heading(message), head, *self._body(message.content)))

    def change(self, before: SeenMessage, after: SeenMessage) -> str | None:
        """The lines that an edit brought; None when the words are the same."""
        known = set(before.content.splitlines())
        new = [line for line in after.content.splitlines() if line not in known]
        if not new:
            return None
        head = f"{_number(after)} {after.sender} has edited this message:"
        return "\n".join((*self._heading(after), head, *self._body("\n".join(new))))

    def reactions(self, message: SeenMessage, names: dict[int, str]) -> str:
        """`:check: Iago`, oldest first; `names` are by user id."""
        return ", ".join(
            f":{each.emoji_name}: {names.get(each.user_id, 'somebody')}"
            for each in message.reactions
        )

    def forget_place(self) -> None:
        """The next message names its place in any case."""
        self._place = None

    def _heading(self, message: SeenMessage) -> Iterator[str]:
        where = place_of(message)
        if where != self._place:
            self._place = where
            yield f"── {where} ".ljust(min(self.paper.width, 72), "─")

    def _at(self, message: SeenMessage) -> str:
        return f"{message.sent_at.astimezone(self.paper.zone):%H:%M}"

    def _body(self, content: str) -> list[str]:
        narrower = replace(self.paper, width=max(_NARROWEST, self.paper.width - len(_INDENT)))
        return [f"{_INDENT}{line}".rstrip() for line in readable(content, narrower)]


def place_of(message: SeenMessage) -> str:
    """`#ops › chat`, or that it is a direct message."""
    if message.channel is None:
        return "direct messages"
    return place(message.channel, message.topic)


def _number(message: SeenMessage) -> str:
    return f"[{message.id}]".ljust(len(_INDENT) - 1)
