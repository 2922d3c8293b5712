"""Answers wrongly whatever the bot asks before it decides, and counts what it does all the same."""

import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

from bench.closed.answers import ANSWERS, GROUPS
from bench.closed.credulous import CredulousReader
from bench.closed.one_bot import MakeReader, OneBot, Reads
from bench.closed.play import Play, Tally
from bench.report import Figure, arguments, report
from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.server import SimulatedZulip
from bot.events import Event
from bot.reader import Reader
from bot.receiving.look_pace import LookPace
from bot.zulip_client import ZulipClient
from handlers.contract import Clock
from state.database import open_database

QUICK_READS, FULL_READS = 200, 1000
#: With the reader that has to be noticed.
CREDULOUS_READS = 20


def play(reads: int, seed: int, folder: Path, *, credulous: bool = False) -> Tally:
    """Until so many questions were answered wrongly; tells on stderr what was wrong with it."""
    with SimulatedZulip() as zulip, closing(open_database(folder / "bot.db")) as database:
        cast = add_cast(zulip)
        zulip.set_rate_limit(1_000_000)
        zulip.set_edit_limit(None)
        # The channel is for those who are listed.
        zulip.unsubscribe(cast.ops, cast.cordelia, cast.polonius)
        cast.ops.private = True
        make_reader = _credulous(zulip, cast) if credulous else honest_reader
        with closing(OneBot(zulip, cast, database, make_reader)) as bot:
            return Play(bot, Random(seed)).run(reads)


def honest_reader(client: ZulipClient, clock: Clock, deliver: Callable[[Event], None]) -> Reads:
    """The bot's own, but that a plan may be looked at as often as it takes."""
    return Reader(client, clock, deliver, pace=LookPace(at_once=1_000_000))


def _credulous(zulip: SimulatedZulip, cast: Cast) -> MakeReader:
    def make(client: ZulipClient, clock: Clock, deliver: Callable[[Event], None]) -> Reads:
        somebody = cast.desdemona
        elsewhere = ZulipClient(site=zulip.url, email=somebody.email, key=somebody.api_key)
        return CredulousReader(client, elsewhere, clock, deliver)

    return make


def main() -> None:
    given = arguments()
    # What the bot has to say of each wrong answer is not what is measured.
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    reads = FULL_READS if given.full else QUICK_READS
    with tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        folder = Path(name)
        tally = play(reads, given.seed, folder)
        (folder / "credulous").mkdir()
        caught = play(CREDULOUS_READS, given.seed, folder / "credulous", credulous=True)
    for wrong in tally.approved:
        sys.stderr.write(f"approved: {wrong}\n")
    report("fail_closed", figures(tally, caught, time.monotonic() - began, full=given.full))


def figures(tally: Tally, caught: Tally, seconds: float, *, full: bool) -> dict[str, Figure]:
    """What is told: plans that were not started on right answers would make all of it worthless."""
    groups = {one.name: one.group for one in ANSWERS}
    by_group = Counter[str]()
    for name, number in tally.reads.items():
        by_group[groups[name]] += number
    return {
        "approved": Figure(len(tally.approved), "== 0"),
        "reads": Figure(tally.total, f">= {FULL_READS}" if full else "told"),
        **{f"answered_{group}": Figure(by_group[group], "told") for group in GROUPS},
        "kinds_of_answers": Figure(len(tally.reads), f"== {len(ANSWERS)}" if full else "told"),
        "plans": Figure(tally.plans, "told"),
        "not_started_on_right_answers": Figure(tally.plans - tally.started, "== 0"),
        "approved_by_credulous_reader": Figure(len(caught.approved), "> 0"),
        "seconds": Figure(round(seconds, 1), "told"),
    }


if __name__ == "__main__":
    main()
