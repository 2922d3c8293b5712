"""Twenty people write commands as fast as they can, and what each of them got for it."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from bench.load.bot_run import read
from bot.demo.stage import Stage
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.views import SeenMessage
from bot.zulip_api.words import EYES
from handlers.errors import Reason
from state import inbox
from state.database import Transaction
from state.inbox import Entry

COMMANDS = ("whoami", "version", "help", "history", "job 7", "status")
SHARED = "I take "


@dataclass(frozen=True, slots=True)
class Size:
    """How much is written in which time."""

    commands: int
    seconds: float
    people: int


@dataclass(slots=True)
class Flood:
    """Writes from a thread of its own; one topic a person."""

    stage: Stage
    size: Size
    dice: Random
    people: list[Person] = field(default_factory=list)
    #: By message id: who wrote it.
    written: dict[int, Person] = field(default_factory=dict)

    def invite(self) -> None:
        zulip = self.stage.zulip
        self.people = [
            zulip.add_person(f"Person {n}", f"person{n}@example.com")
            for n in range(self.size.people)
        ]
        zulip.subscribe(self.stage.cast.ops, *self.people)

    def start(self) -> threading.Thread:
        writer = threading.Thread(target=self._write, name="flood", daemon=True)
        writer.start()
        return writer

    def _write(self) -> None:
        began = time.monotonic()
        for number in range(self.size.commands):
            due = began + self.size.seconds * number / self.size.commands
            time.sleep(max(0.0, due - time.monotonic()))
            person = self.people[number % len(self.people)]
            text = f"@**ops** {self.dice.choice(COMMANDS)}"
            said = self.stage.zulip.post(person, self.stage.cast.ops, person.full_name, text)
            self.written[said] = person

    # Judging.

    def entries(self) -> dict[int, Entry]:
        """What the bot's inbox holds of it, by message id."""

        def look(tx: Transaction) -> dict[int, Entry]:
            found = ((one, inbox.by_message(tx, 1, one)) for one in list(self.written))
            return {one: entry for one, entry in found if entry is not None}

        nothing: dict[int, Entry] = {}
        return read(self.stage, look, nothing)

    def unanswered(self) -> int:
        """Commands that were lost, taken commands without 👀 or answer, and people who were turned
        away and not told so, or more than once."""
        entries = self.entries()
        taken, turned_away = Counter[str](), Counter[str]()
        wrong = len(self.written) - len(entries)
        for message_id, entry in entries.items():
            name = self.written[message_id].full_name
            if entry.reason == Reason.TOO_MANY.value:
                turned_away[name] += 1
                continue
            taken[name] += 1
            wrong += not self._has_eyes(message_id)
        answers, shared = self._answers()
        for person in self.people:
            name = person.full_name
            wrong += abs(taken[name] - answers[name])
            wrong += shared[name] != (1 if turned_away[name] else 0)
        return wrong

    def taken(self) -> int:
        """How many commands were carried out."""
        many = Reason.TOO_MANY.value
        return sum(entry.reason != many for entry in self.entries().values())

    def told(self) -> int:
        """How many people were told that they wrote too many, with the right number."""
        turned_away = Counter(
            self.written[one].full_name
            for one, entry in self.entries().items()
            if entry.reason == Reason.TOO_MANY.value
        )
        return sum(
            f"did not take {turned_away[message.topic]} more" in message.content
            for message in self._from_bot()
            if message.content.startswith(SHARED)
        )

    def _answers(self) -> tuple[Counter[str], Counter[str]]:
        answers, shared = Counter[str](), Counter[str]()
        for message in self._from_bot():
            kind = shared if message.content.startswith(SHARED) else answers
            kind[message.topic] += 1
        return answers, shared

    def _from_bot(self) -> list[SeenMessage]:
        bot = self.stage.cast.bot.id
        return [m for m in self.stage.zulip.messages(self.stage.cast.ops) if m.sender_id == bot]

    def _has_eyes(self, message_id: int) -> bool:
        message = self.stage.zulip.message(message_id)
        return message is not None and message.has_reaction(EYES.code, self.stage.cast.bot.id)
