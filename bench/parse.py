"""Measure how many events the gate and the grammar understand in a second, on one core."""

import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.report import Figure, arguments, report
from bot.grammar import Grammar
from bot.understanding.gate import Addressed, Gate, IncomingMessage
from handlers.contract import Declaration, Effect, Kind, Parameter
from handlers.errors import BadCommand

#: Sender and text.
Raw = tuple[int, str]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT, OPS_CHANNEL = 17, 4
ROUNDS = 5
#: What a busy organization writes besides commands; some of it looks like one.
TALK = (
    "Good morning, everybody!",
    "Did anyone look at the slow query of yesterday?",
    "> @**ops** status\n\nIt said all was well.",
    "@**Hamlet** can you have a look?",
    "@**all** lunch",
    "Just type `@ops backup now`.",
    "```\n@**ops** status\n```",
    "@_**ops|17** said so.",
    "A longer thought that goes on for a while. " * 20,
    "👍",
)
COMMANDS = (
    "@**ops** status",
    "@**ops** status --fresh",
    "@**ops|17** backup now",
    "@ops backup now —yes",
    "@ops history --failed --before 1200",
    "@**ops** job 12",
    "@**ops** log 12",
    "@ops cancel #12",
    "@**ops** help backup",
    "@ops upgrade 10.4",
)
#: One command in ten is mistyped.
MISTYPED = ("@ops bakcup now", "@ops job twelve", "@ops status --frsh", "@ops say 'it")


@dataclass(frozen=True, slots=True)
class Query:
    """A command as the grammar sees it."""

    name: str
    effect: Effect | None
    example: str
    parameters: tuple[Parameter, ...] = ()
    summary: str = "A command that is measured"


NUMBER = Parameter("number", Kind.INTEGER, "the job", "12", positional=True, required=True)
VERBS = (
    Query("status", Effect.READ, "status", (Parameter("fresh", Kind.FLAG, "new", "--fresh"),)),
    Declaration("backup now", "Back up", "backups", Effect.ROUTINE, "backup now"),
    Query("backups", Effect.READ, "backups"),
    Query(
        "history",
        Effect.READ,
        "history --failed",
        (
            Parameter("failed", Kind.FLAG, "failed only", "--failed"),
            Parameter("before", Kind.INTEGER, "older", "12"),
        ),
    ),
    Query("job", Effect.READ, "job 12", (NUMBER,)),
    Query("log", Effect.READ, "log 12", (NUMBER,)),
    Query("cancel", Effect.READ, "cancel 12", (NUMBER,)),
    Query("schedules", Effect.READ, "schedules"),
    Query("whoami", None, "whoami"),
    Query("help", None, "help backup"),
    Query("version", None, "version"),
    Query(
        "upgrade",
        Effect.DISRUPTIVE,
        "upgrade 10.4",
        (Parameter("version", Kind.WORD, "the release", "10.4", positional=True, required=True),),
    ),
)
GATE = Gate(bot_id=BOT, bot_name="ops", ops_channel_id=OPS_CHANNEL, realm="")
GRAMMAR = Grammar(VERBS)


def main(argv: Sequence[str] | None = None) -> None:
    chosen = arguments(argv)
    lots = random.Random(chosen.seed)
    events = _events(lots, 1_000_000 if chosen.full else 200_000)
    commands = _commands(lots, 50_000 if chosen.full else 10_000)
    report(
        "parse",
        {
            "events_per_second": Figure(_rate("events", events), ">= 50000"),
            "commands_per_second": Figure(_rate("commands", commands), ">= 3000"),
        },
    )


def _events(lots: random.Random, count: int) -> list[Raw]:
    """Messages as an event queue brings them, one in a hundred a command."""
    commands = iter(_commands(lots, count // 100))
    return [
        next(commands) if position % 100 == 0 else (lots.randrange(100, 200), lots.choice(TALK))
        for position in range(count)
    ]


def _commands(lots: random.Random, count: int) -> list[Raw]:
    return [
        (lots.randrange(100, 200), lots.choice(MISTYPED if position % 10 == 0 else COMMANDS))
        for position in range(count)
    ]


def _understand(raw: Raw) -> bool:
    """Whether it was a command, right or wrong; the typed message is made here, as it must be."""
    message = IncomingMessage(
        sender_id=raw[0],
        content=raw[1],
        channel_id=OPS_CHANNEL,
        recipients=0,
        client="website",
        realm="",
        sent_at=NOW,
    )
    judged = GATE.judge(message, NOW)
    if not isinstance(judged, Addressed):
        return False
    with suppress(BadCommand):
        GRAMMAR.parse(judged.text)
    return True


def _rate(name: str, messages: Sequence[Raw]) -> float:
    """Messages a second of processor time, the middle of some rounds: the machine is shared."""
    rates = []
    for number in range(ROUNDS):
        started = time.process_time()
        found = sum(map(_understand, messages))
        rates.append(len(messages) / (time.process_time() - started))
        print(
            f"{name}, round {number + 1}: {rates[-1]:.0f} a second,"
            f" {found} commands of {len(messages)}",
            file=sys.stderr,
        )
    return round(sorted(rates)[ROUNDS // 2])


if __name__ == "__main__":
    main()
