"""What the bot does with 1 000 commands in a minute, on a server with its real limit on calls."""

import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from bench.load.bot_run import bot_running, has_ended, read, wait_until
from bench.load.flood import Flood, Size
from bench.report import Figure, arguments, report
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.calls import Call
from state import cursor, job_store, outbox
from state.database import Transaction

FULL = Size(commands=1000, seconds=60, people=20)
SMALL = Size(commands=100, seconds=5, people=4)
LONGEST = timedelta(minutes=10)
POLLS = "/api/v1/events"


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the burst."""

    unanswered: int
    exits: int
    last_answer_seconds: float
    #: From ✅ on a plan, half way through the burst, to what the bot says to it.
    approval_seconds: float
    taken: int
    #: People whose one message names the right number in the end.
    told: int
    #: Everything that the bot asked of the server until the end, polls too.
    calls: tuple[Call, ...]

    def polls(self) -> int:
        return sum(call.path == POLLS for call in self.calls)

    def refused(self) -> int:
        return sum(call.status == 429 for call in self.calls)


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        wish = Wish(extent=Extent(messages=20, uploads=2), commands_a_minute=10)
        with Stage.set_up(folder, wish) as stage:
            size = FULL if given.full else SMALL
            found = measure(stage, size, Random(given.seed), recounted=True)
    figures = {
        "unanswered": Figure(found.unanswered, "== 0"),
        "exits": Figure(found.exits, "== 0"),
        "last_answer_seconds": Figure(found.last_answer_seconds, "<= 420"),
        "calls": Figure(len(found.calls), "<= 1200"),
        "polls": Figure(found.polls(), "told"),
        "calls_refused": Figure(found.refused(), "told"),
        "approval_seconds": Figure(found.approval_seconds, "<= 10"),
        "taken": Figure(found.taken, "told"),
        "people_told": Figure(found.told, "told"),
    }
    report("burst", figures)


def measure(stage: Stage, size: Size, dice: Random, *, recounted: bool) -> Found:
    """One plan waits for consent, everybody floods, somebody consents, and all is waited for: with
    `recounted` also for the last number in the messages of those who wrote too much."""
    zulip = stage.zulip
    flood = Flood(stage, size, dice)
    flood.invite()
    with bot_running(stage) as bot:
        wait_until(lambda: read(stage, cursor.load, None) is not None, "the bot", LONGEST)
        card = _waiting_plan(stage)
        zulip.forget_calls()
        zulip.set_rate_limit(200)
        began = time.monotonic()
        writer = flood.start()
        time.sleep(size.seconds / 2)
        approval = _approve(stage, card)
        writer.join()
        wait_until(lambda: len(flood.entries()) == size.commands, "every command", LONGEST)
        wait_until(lambda: read(stage, _all_is_said, before=False), "the last answer", LONGEST)
        last = time.monotonic() - began
        if recounted:
            wait_until(lambda: not read(stage, outbox.count_pending, 1), "the edits", LONGEST)
        exits = int(has_ended(bot.pid))
        calls = tuple(call for call in zulip.calls() if call.user in (None, stage.cast.bot.email))
    return Found(
        unanswered=flood.unanswered(),
        exits=exits,
        last_answer_seconds=round(last, 1),
        approval_seconds=round(approval, 2),
        taken=flood.taken(),
        told=flood.told(),
        calls=calls,
    )


def _all_is_said(tx: Transaction) -> bool:
    """Whether only edits are left to be made."""
    heads = outbox.next_ready(tx, datetime.now(UTC) + LONGEST, limit=10_000)
    return not outbox.interrupted_sends(tx) and all(row.action == "edit" for row in heads)


def _waiting_plan(stage: Stage) -> int:
    """The message id of a card that waits for ✅."""
    stage.zulip.post(stage.cast.iago, stage.cast.ops, "backups", "@**ops** backup now")
    wait_until(lambda: _card(stage) is not None, "the plan", LONGEST)
    card = _card(stage)
    assert card is not None
    return card


def _card(stage: Stage) -> int | None:
    def look_up(tx: Transaction) -> int | None:
        jobs = job_store.page(tx, limit=1)
        return jobs[0].card_message_id if jobs else None

    return read(stage, look_up, None)


def _approve(stage: Stage, card: int) -> float:
    """Seconds until the bot says something to it, in the same topic."""
    plan = stage.zulip.message(card)
    assert plan is not None
    began = time.monotonic()
    stage.zulip.react(stage.cast.iago, card, "check")
    stage.zulip.wait_for(
        lambda one: one.topic == plan.topic and one.sender_id == stage.cast.bot.id,
        LONGEST,
        after=card,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    main()
