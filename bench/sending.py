"""Whether 1 000 messages come once and in order when 30 % of the server's answers are ambiguous."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.report import Figure, arguments, report
from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.faults import Fault, Request, Trouble
from bot.demo.zulip.server import SimulatedZulip
from bot.sender import Pace, Sender
from bot.sending.pacing import Allowance, Backoff
from bot.zulip_client import ZulipClient
from handlers.errors import HostFailure
from jobs.clock import SystemClock
from state import outbox
from state.columns import Facts
from state.database import Database, open_database
from state.outbox import NewRow

POSTS = "/api/v1/messages"
SHARE = 0.3
LANES = 20
#: What a client cannot tell from a message that was lost, and from one that was not.
AMBIGUOUS = (
    (Trouble.BAD_GATEWAY, True),
    (Trouble.SERVER_ERROR, True),
    (Trouble.CUT, True),
    (Trouble.CUT, False),
    (Trouble.BAD_GATEWAY, False),
    (Trouble.DELAY, True),
    (Trouble.DELAY, False),
)
#: A client that gives up before an answer comes; the real one waits for 15 s.
PATIENCE = timedelta(milliseconds=150)
LATE = timedelta(milliseconds=400)
LONGEST = timedelta(minutes=20)


class QuickBackoff(Backoff):
    """As the real one, a hundred times as fast: what counts here is what is sent."""

    def next_wait(self) -> timedelta:
        return super().next_wait() / 100


@dataclass(frozen=True, slots=True)
class Found:
    """What stood in the channel in the end."""

    duplicates: int
    missing: int
    #: Messages that came before one that should have come earlier in their lane.
    out_of_order: int
    ambiguous: int
    posts: int


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        found = measure(Path(name), 1000 if given.full else 100, given.seed)
    figures = {
        "duplicates": Figure(found.duplicates, "== 0"),
        "missing": Figure(found.missing, "== 0"),
        "out_of_order": Figure(found.out_of_order, "== 0"),
        "ambiguous": Figure(found.ambiguous, "told"),
        "posts": Figure(found.posts, "told"),
    }
    report("sending", figures)


def measure(folder: Path, messages: int, seed: int) -> Found:
    """Fill an outbox, deliver it through a server that often gives no clear answer, and look."""
    with SimulatedZulip() as zulip:
        cast = add_cast(zulip)
        zulip.set_rate_limit(1_000_000)
        troubles = _Troubles(zulip, Random(seed))
        database = open_database(folder / "state.db")
        texts = _fill(database, cast, messages)
        client = ZulipClient(site=zulip.url, email=cast.bot.email, key=cast.bot.api_key)
        client.patience = PATIENCE
        # A message that the server stores late is looked for at least as long as that may take.
        pace = Pace(settle=LATE, allowance=Allowance(1_000_000), backoff=QuickBackoff)
        sender = Sender(client, database, _render, SystemClock(), lambda _event: None, pace)
        sender.start()
        try:
            _wait_until_empty(database)
        finally:
            sender.stop()
            database.close()
        return _judge(zulip, cast, texts, troubles)


class _Troubles:
    """Every post may go wrong, drawn by lot."""

    def __init__(self, zulip: SimulatedZulip, dice: Random) -> None:
        self.happened = Counter[tuple[Trouble, bool]]()
        self._dice = dice
        zulip.faults.draw = self._draw

    def _draw(self, request: Request) -> Fault | None:
        is_post = request.method == "POST" and request.path == POSTS
        if not is_post or self._dice.random() >= SHARE:
            return None
        trouble, after_effect = self._dice.choice(AMBIGUOUS)
        self.happened[trouble, after_effect] += 1
        return Fault(trouble, after_effect=after_effect, wait=LATE)


def _fill(database: Database, cast: Cast, messages: int) -> dict[str, list[str]]:
    """Rows in lanes of one topic each; the texts by topic, in order."""
    texts: dict[str, list[str]] = {}
    now = datetime.now(UTC)
    with database.write() as tx:
        for number in range(messages):
            topic = f"lane {number % LANES}"
            # Every seventh says the same as others before it.
            text = "again the same" if number % 7 == 0 else f"message {number}"
            texts.setdefault(topic, []).append(text)
            target: Facts = {"type": "topic", "channel_id": cast.ops.id, "topic": topic}
            outbox.add(tx, NewRow(topic, "post", target, "text", {"text": text}, 2, now))
    return texts


def _render(_kind: str, facts: Mapping[str, Any]) -> str:
    return str(facts["text"])


def _wait_until_empty(database: Database) -> None:
    give_up = time.monotonic() + LONGEST.total_seconds()
    told = 0
    while True:
        with database.read() as tx:
            pending = outbox.count_pending(tx)
        if not pending:
            return
        if time.monotonic() > give_up:
            raise HostFailure(f"{pending} messages are left after {LONGEST}.")
        if pending // 100 != told:
            told = pending // 100
            sys.stderr.write(f"{pending} messages are left\n")
        time.sleep(0.1)


def _judge(
    zulip: SimulatedZulip, cast: Cast, texts: dict[str, list[str]], troubles: _Troubles
) -> Found:
    duplicates = missing = out_of_order = 0
    for topic, wanted in texts.items():
        said = [one.content for one in zulip.messages(cast.ops, topic)]
        duplicates += sum((Counter(said) - Counter(wanted)).values())
        missing += sum((Counter(wanted) - Counter(said)).values())
        out_of_order += sum(a != b for a, b in zip(said, wanted, strict=False))
    posts = len(zulip.calls("POST", POSTS))
    return Found(duplicates, missing, out_of_order, troubles.happened.total(), posts)


if __name__ == "__main__":
    main()
