"""What a gap of 10 000 messages costs the bot, and whether it runs what it should and no trap."""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from bench.load.bot_run import bot_running, cpu_seconds, has_ended, read, wait_until
from bench.load.gap import GAP, Filling, Gap, Size
from bench.report import Figure, arguments, report
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from handlers.errors import Reason
from state import cursor, inbox, job_store, outbox
from state.database import Transaction

FULL = Size(messages=10_000, commands=50, traps=200)
SMALL = Size(messages=1_000, commands=10, traps=40)
#: The answers need their time: so many calls a minute and no more.
LONGEST = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class Found:
    """What a catch-up came to."""

    #: Of the bot, from its connection until every command was decided.
    cpu_seconds: float
    #: From its start, until the same.
    wall_seconds: float
    #: What its start took until it was connected: of any bot, after whatever gap.
    start_cpu_seconds: float
    run: int
    #: Commands not answered once, and traps that were run or had an effect.
    wrong: int


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        wish = Wish(extent=Extent(messages=20, uploads=2), commands_a_minute=10)
        with Stage.set_up(folder, wish) as stage:
            stage.zulip.set_rate_limit(100_000)
            found = measure(stage, FULL if given.full else SMALL, Random(given.seed))
    report(
        "catchup",
        {
            "cpu_seconds": Figure(found.cpu_seconds, "<= 2"),
            "wall_seconds": Figure(found.wall_seconds, "<= 10"),
            "wrong": Figure(found.wrong, "== 0"),
            "run": Figure(found.run, "told"),
            "start_cpu_seconds": Figure(found.start_cpu_seconds, "told"),
        },
    )


def measure(stage: Stage, size: Size, dice: Random) -> Found:
    """The bot is stopped, loses its queue, and is started again once the gap is full."""
    now = datetime.now(UTC)
    with bot_running(stage) as bot:
        _wait(lambda: read(stage, cursor.load, None) is not None, "the first connection")
        before = now - GAP - timedelta(minutes=1)
        last = stage.zulip.post(stage.cast.iago, stage.cast.ops, "t", "before", timestamp=before)
        _wait(lambda: _watermark(stage) == last, "the last message before the gap")
        bot.kill()
    gap = Filling(stage, size, dice, datetime.now(UTC)).fill()
    stage.zulip.outages.lose_queues()
    stage.zulip.forget_calls()
    began = time.monotonic()
    with bot_running(stage) as bot:
        _wait(lambda: bool(stage.zulip.calls("POST", "/api/v1/register")), "connected")
        start_cpu = cpu_seconds(bot.pid)
        _wait(lambda: _is_over(stage, gap), "the catch-up")
        wall, cpu = time.monotonic() - began, cpu_seconds(bot.pid)
        assert not has_ended(bot.pid)
        _wait(lambda: not read(stage, outbox.count_pending, 1), "the answers")
        wrong, run = _judge(stage, gap)
    return Found(round(cpu - start_cpu, 2), round(wall, 2), round(start_cpu, 2), run, wrong)


def _watermark(stage: Stage) -> int | None:
    position = read(stage, cursor.load, None)
    return None if position is None else position.last_message_id


def _is_over(stage: Stage, gap: Gap) -> bool:
    """Everything is taken in, and every command is decided."""
    reached = _watermark(stage) or 0
    newest = max(gap.commands | set(gap.traps))
    return reached >= newest and not read(stage, lambda tx: len(inbox.open_entries(tx)), 1)


def _judge(stage: Stage, gap: Gap) -> tuple[int, int]:
    """How many were wrong, and how many commands were run."""

    def run_ids(tx: Transaction) -> set[int]:
        ids = gap.commands | set(gap.traps)
        entries = (inbox.by_message(tx, 1, one) for one in sorted(ids))
        done = Reason.DONE.value
        return {one.message_id or 0 for one in entries if one is not None and one.reason == done}

    nobody: set[int] = set()
    run = read(stage, run_ids, nobody)
    jobs = read(stage, lambda tx: len(job_store.page(tx, limit=500)), 0)
    bot = stage.cast.bot.id
    answers: dict[str, int] = {}
    for message in stage.zulip.messages(stage.cast.ops):
        if message.sender_id == bot and message.topic.startswith("ask "):
            answers[message.topic] = answers.get(message.topic, 0) + 1
    topics = {message.topic for message in map(stage.zulip.message, gap.commands) if message}
    unanswered = sum(answers.get(topic, 0) != 1 for topic in topics)
    for trap in sorted(run & set(gap.traps)):
        sys.stderr.write(f"run though it was {gap.traps[trap]}: message {trap}\n")
    missed = gap.commands - run
    return len(missed) + len(run & set(gap.traps)) + jobs + unanswered, len(run & gap.commands)


def _wait(holds: Callable[[], bool], what: str) -> None:
    wait_until(holds, what, LONGEST)


if __name__ == "__main__":
    main()
