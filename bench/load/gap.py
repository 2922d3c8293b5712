"""Fills the time in which the bot was away: talk, commands to be run, and traps that look so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle
from random import Random

from bot.demo.stage import Stage
from bot.demo.zulip.model.channels import Channel
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.server import SimulatedZulip

#: The gap began so long ago, and the last of it is young enough for its commands to be run.
GAP = timedelta(minutes=30)
YOUNG = timedelta(minutes=8)
STALE = timedelta(minutes=11)
#: Dangerous, confirmed, and by somebody who may.
TRAP = "@**ops** backup now --yes"
COMMANDS = ("whoami", "version", "help", "help status")
TALK = (
    "The build is green again.",
    "Has anybody seen the minutes of Monday?",
    "@_**Iago|5** wrote that the @**ops** bot knows.\n\nI have not tried.",
    "Lunch at twelve, as always, in the usual place; bring the others along.",
)


@dataclass(slots=True)
class Gap:
    """What was written while the bot was away; message ids."""

    commands: set[int] = field(default_factory=set)
    traps: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of what."""

    messages: int
    commands: int
    traps: int


@dataclass(slots=True)
class Filling:
    """Writes a gap, oldest first; the bot must not be listening."""

    stage: Stage
    size: Size
    dice: Random
    now: datetime
    people: list[Person] = field(default_factory=list)
    gap: Gap = field(default_factory=Gap)

    def fill(self) -> Gap:
        zulip, ops = self.stage.zulip, self.stage.cast.ops
        self.people = [zulip.add_person(f"Person {n}", f"person{n}@example.com") for n in range(20)]
        zulip.subscribe(ops, *self.people)
        zulip.set_edit_limit(None)
        for place, write in enumerate(self._plan()):
            write(self.now - GAP + GAP * place / self.size.messages)
        return self.gap

    def _plan(self) -> list[Callable[[datetime], None]]:
        """Commands among the young messages, as many traps among them, and the others before."""
        plan: list[Callable[[datetime], None]] = [self._talk] * self.size.messages
        first_young = int(len(plan) * (1 - YOUNG / GAP)) + 1
        young = self.dice.sample(
            range(first_young, len(plan)), self.size.commands + self.size.traps // 2
        )
        last_stale = int(len(plan) * (1 - STALE / GAP))
        old = self.dice.sample(range(last_stale), self.size.traps - self.size.traps // 2)
        kinds = self._kinds()
        for place, kind in zip(sorted(old), cycle(kinds), strict=False):
            plan[place] = partial(self._trap, kind, kinds[kind])
        # An old time on a message that stands between young ones is what imports look like.
        del kinds["stale"]
        for place in young[: self.size.commands]:
            plan[place] = self._command
        for place, kind in zip(young[self.size.commands :], cycle(kinds), strict=False):
            plan[place] = partial(self._trap, kind, kinds[kind])
        return plan

    def _talk(self, at: datetime) -> None:
        topic = f"topic {self.dice.randrange(30)}"
        self._zulip.post(self._somebody(), self._ops, topic, self.dice.choice(TALK), timestamp=at)

    def _command(self, at: datetime) -> None:
        text = f"@**ops** {self.dice.choice(COMMANDS)}"
        # In turn, so that nobody asks more than may be asked in a minute.
        sender = self.people[len(self.gap.commands) % len(self.people)]
        topic = f"ask {len(self.gap.commands)}"
        self.gap.commands.add(self._zulip.post(sender, self._ops, topic, text, timestamp=at))

    # Traps.

    def _kinds(self) -> dict[str, Callable[[datetime], int]]:
        """What writes each kind, by name."""
        zulip, ops = self._zulip, self._ops
        lobby = zulip.add_channel("lobby", creator=self.stage.cast.desdemona)
        zulip.subscribe(lobby, self.stage.cast.desdemona, self.stage.cast.iago)
        robot = zulip.add_person("robot", "robot-bot@example.com", is_bot=True)
        zulip.subscribe(ops, robot)
        return {
            "stale": self._stale,
            "moved": partial(self._moved, lobby=lobby),
            "edited": self._edited,
            "imported": self._imported,
            "imported not long ago": self._imported_lately,
            "before the subscription": self._unsubscribed,
            "by a bot": lambda at: self._say(TRAP, at, robot),
            "by mail": lambda at: self._say(TRAP, at, client="Internal"),
            "quoted": lambda at: self._say(f"```quote\n{TRAP}\n```", at),
            "quoted by hand": lambda at: self._say(f"> {TRAP}", at),
            "forwarded": lambda at: self._say(f"@_**Iago|5** said:\n```quote\n{TRAP}\n```", at),
            "in a code block": lambda at: self._say(f"```\n{TRAP}\n```", at),
            "indented": lambda at: self._say(f"see this:\n\n    {TRAP}", at),
            "as code": lambda at: self._say(f"`{TRAP}`", at),
            "below the mention": lambda at: self._say(f"@**ops**\n```\n{TRAP}\n```", at),
            "with more lines": lambda at: self._say(f"{TRAP}\nand thanks", at),
            "silent": lambda at: self._say("@_**ops** backup now --yes", at),
            "in the middle": lambda at: self._say(f"Never type {TRAP} here", at),
        }

    def _trap(self, kind: str, write: Callable[[datetime], int], at: datetime) -> None:
        self.gap.traps[write(at)] = kind

    def _say(
        self, text: str, at: datetime, sender: Person | None = None, client: str = "website"
    ) -> int:
        sender = sender or self.stage.cast.iago
        return self._zulip.post(sender, self._ops, "traps", text, client=client, timestamp=at)

    def _stale(self, at: datetime) -> int:
        return self._say(TRAP, at)

    def _moved(self, at: datetime, lobby: Channel) -> int:
        said = self._zulip.post(
            self.stage.cast.iago, lobby, "chatter", "@ops backup now --yes", timestamp=at
        )
        self._zulip.move(
            self.stage.cast.desdemona, said, topic="traps", channel=self._ops, mode="change_one"
        )
        with self._zulip.changing() as realm:
            # What Zulip itself says of the move belongs to that moment too.
            for notice in list(realm.messages.values())[-2:]:
                notice.sent_at = at
        return said

    def _edited(self, at: datetime) -> int:
        said = self._say("good morning", at)
        self._zulip.edit(self.stage.cast.iago, said, TRAP)
        return said

    def _imported(self, _at: datetime) -> int:
        long_ago = self.now - timedelta(days=self.dice.randrange(1, 900))
        return self._zulip.import_message(self.stage.cast.iago, self._ops, "traps", TRAP, long_ago)

    def _imported_lately(self, at: datetime) -> int:
        """Young enough, but older than what was there before it."""
        before = min(at - timedelta(minutes=2), self.now - timedelta(minutes=1))
        return self._zulip.import_message(self.stage.cast.iago, self._ops, "traps", TRAP, before)

    def _unsubscribed(self, at: datetime) -> int:
        bot = self.stage.cast.bot
        self._zulip.unsubscribe(self._ops, bot)
        # A real mention would reach it all the same.
        said = self._say("@ops backup now --yes", at)
        self._zulip.subscribe(self._ops, bot)
        return said

    def _somebody(self) -> Person:
        return self.dice.choice(self.people)

    @property
    def _zulip(self) -> SimulatedZulip:
        return self.stage.zulip

    @property
    def _ops(self) -> Channel:
        return self.stage.cast.ops
