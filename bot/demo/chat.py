"""The chat of the demo: a person types, and what the bot says is shown as it comes."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from bot.demo.transcript import Transcript
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.server import SimulatedZulip
from bot.demo.zulip.views import SeenMessage

#: The client that what is typed here is posted with: it need not be shown again.
CLIENT = "zulip-ops-demo"
FIRST_TOPIC = "chat"

_REACTION = re.compile(r":([\w+-]+):\s*#?\[?(\d*)\]?")
#: What people type for the two that count, by what Zulip calls them.
_EMOJI = {
    "x": "cross_mark",
    "cross": "cross_mark",
    "ok": "check",
    "yes": "check",
    "no": "cross_mark",
}
_LOOK_EVERY = timedelta(seconds=0.1)

_HELP = """\
  @ops help            what the bot can do; then try @ops status, @ops backup now
  :check: 14           react with ✅ to message 14; :x: 14 reacts with ❌
  /as Hamlet           speak as somebody else: {people}
  /topic NAME          speak in another topic
  /dm TEXT             write to the bot alone
  /help, /quit         these lines; the end (also Ctrl-D)"""


class Display(Protocol):
    """Where the chat asks and shows; `Prompt` on a terminal."""

    def ask(self, words: str) -> str | None: ...

    def say(self, text: str) -> None: ...


class Chat:
    """One person at a time, in one topic at a time."""

    def __init__(
        self,
        zulip: SimulatedZulip,
        cast: Cast,
        transcript: Transcript,
        display: Display,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._zulip, self._bot, self._ops = zulip, cast.bot, cast.ops
        self._display = display
        #: Whether there is nobody left to talk to.
        self._is_over = is_over
        self._news = News(zulip, transcript)
        people = (cast.iago, cast.desdemona, cast.hamlet, cast.cordelia, cast.polonius)
        self._people = {person.full_name.casefold(): person for person in people}
        self.person: Person = cast.iago
        self.topic = FIRST_TOPIC
        self._commands: dict[str, Callable[[str], None]] = {
            "as": self._speak_as,
            "topic": self._go_to,
            "dm": self._write_to_bot,
            "help": self._explain,
        }

    def run(self) -> None:
        """Until `/quit`, the end of the input, or the end of the bot."""
        self._display.say(f"You are Iago, who may operate this server, in #{self._ops.name}.")
        self._explain("")
        over = threading.Event()
        watching = threading.Thread(target=self._watch, args=(over,), daemon=True, name="news")
        watching.start()
        try:
            while self._take(self._display.ask(self._prompt)):
                pass
        finally:
            over.set()
            watching.join()

    @property
    def _prompt(self) -> str:
        return f"{self.person.full_name} in #{self._ops.name} › {self.topic}: "

    def _take(self, line: str | None) -> bool:
        """Do what one line says; False ends the chat."""
        if line is None or line.strip() in {"/quit", "/exit", "/q"}:
            return False
        if self._is_over():
            return False
        if line.strip():
            try:
                self._carry_out(line.strip())
            except ApiError as refusal:
                self._display.say(f"Zulip refuses that: {refusal.message}")
        return True

    def _carry_out(self, line: str) -> None:
        reaction = _REACTION.fullmatch(line)
        if reaction:
            self._react(*reaction.groups())
        elif line.startswith("/"):
            word, _, rest = line[1:].partition(" ")
            self._commands.get(word.casefold(), self._unknown)(rest.strip())
        else:
            self._zulip.post(self.person, self._ops, self.topic, line, client=CLIENT)
            if not line.startswith("@"):
                self._display.say(f"Posted. The bot listens to lines that begin with @{self._me}.")

    def _react(self, name: str, number: str) -> None:
        if not number:
            self._display.say(f"To which message? To the last one: :{name}: {self._news.last}")
            return
        self._zulip.react(self.person, int(number), _EMOJI.get(name, name))
        self._display.say(f"{self.person.full_name} has reacted to message {number}.")

    def _speak_as(self, name: str) -> None:
        person = self._people.get(name.lstrip("@").casefold())
        if person is None:
            self._display.say(f"Here are {self._names}. For example: /as Hamlet")
            return
        self.person = person

    def _go_to(self, topic: str) -> None:
        if not topic:
            self._display.say("Which topic? For example: /topic lunch")
            return
        self.topic = topic

    def _write_to_bot(self, text: str) -> None:
        if not text:
            self._display.say("What? For example: /dm status")
            return
        self._zulip.post_direct(self.person, self._bot, content=text, client=CLIENT)

    def _explain(self, _rest: str) -> None:
        self._display.say(_HELP.format(people=self._names))

    def _unknown(self, _rest: str) -> None:
        self._display.say("Lines with a slash are for this chat: /as /topic /dm /help /quit")

    @property
    def _names(self) -> str:
        names = [person.full_name for person in self._people.values()]
        return f"{', '.join(names[:-1])} and {names[-1]}"

    @property
    def _me(self) -> str:
        return self._bot.full_name

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(_LOOK_EVERY.total_seconds()):
            for text in self._news.fetch():
                self._display.say(text)


class News:
    """What has been written and edited since the last look."""

    def __init__(self, zulip: SimulatedZulip, transcript: Transcript) -> None:
        self._zulip = zulip
        self._transcript = transcript
        self._known: dict[int, SeenMessage] = {}
        #: The number of the message that was shown last.
        self.last = 0

    def fetch(self) -> list[str]:
        """Each new message and each edit, ready to be printed."""
        told = []
        for message in self._zulip.messages():
            before = self._known.get(message.id)
            self._known[message.id] = message
            text = self._told(before, message)
            if text is not None:
                told.append(text)
        return told

    def _told(self, before: SeenMessage | None, message: SeenMessage) -> str | None:
        if message.client == CLIENT:
            return None
        if before is None:
            self.last = message.id
            return self._transcript.message(message)
        if before.content != message.content:
            return self._transcript.change(before, message)
        return None
