"""Attacks by repetition, old messages and haste: an effect comes once and in its time."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

from bench.closed.one_bot import OneBot, Question
from bench.fail_closed import honest_reader
from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.model.people import Role
from bot.demo.zulip.server import SimulatedZulip
from handlers.errors import Reason
from state import inbox, job_store, outbox
from state.database import open_database
from tests.acceptance.conversation import Conversation
from tests.attacks.outcome import no_job, reason_of

COMMANDS = 40
#: Of each kind; `bin/bench catchup` has thousands of messages.
OLD_COMMANDS = 200
TRAP = "@ops backup now"
PATIENT = timedelta(seconds=10)


def test_a42_events_that_come_again_and_in_any_order_count_once(tmp_path: Path) -> None:
    lot = Random(42)
    with SimulatedZulip() as zulip, closing(open_database(tmp_path / "bot.db")) as database:
        cast = add_cast(zulip)
        zulip.set_rate_limit(100_000)
        with closing(OneBot(zulip, cast, database, honest_reader)) as bot:
            asked = [zulip.post(cast.iago, cast.ops, f"t{n}", TRAP) for n in range(COMMANDS)]
            delivered = [one for one in asked for _ in range(lot.randint(1, 5))]
            lot.shuffle(delivered)
            questions: list[Question] = []
            for message_id in delivered:
                questions += bot.receive(message_id)
            lot.shuffle(questions)
            for question in questions * 2:
                bot.look(question, PATIENT)
            with database.read() as tx:
                jobs = job_store.page(tx, limit=1000)
                entries = [inbox.by_message(tx, 1, one) for one in asked]
                marks = outbox.next_ready(tx, bot.clock.now(), 1000)

    assert len(questions) == COMMANDS
    assert sorted(one.command_message_id or 0 for one in jobs) == asked
    assert {one.reason for one in entries if one is not None} == {"done"}
    eyes = [row.target["message_id"] for row in marks if row.action == "react"]
    assert len(eyes) == len(set(eyes))


def test_a43_commands_that_merely_look_new_are_not_run(talk: Conversation, cast: Cast) -> None:
    """An import has old times, and what was said before the bot was subscribed has no events."""
    zulip = talk.stage.zulip
    long_ago = talk.clock.now() - timedelta(days=300)
    assert talk.hear(cast.iago, "whoami")
    with no_job(talk):
        with talk.without_bot():
            asked = [
                zulip.import_message(cast.iago, cast.ops, "imported", TRAP, long_ago)
                for _ in range(OLD_COMMANDS)
            ]
            zulip.unsubscribe(cast.ops, cast.bot)
            asked += [zulip.post(cast.iago, cast.ops, "before", TRAP) for _ in range(OLD_COMMANDS)]
            zulip.subscribe(cast.ops, cast.bot)
            zulip.outages.lose_queues()
        assert reason_of(talk, asked[-1]) == Reason.OUT_OF_TURN.value
        talk.settled()
    entries = talk.read(lambda tx: [inbox.by_message(tx, 1, one) for one in asked])
    assert {one and one.reason for one in entries} == {Reason.OUT_OF_TURN.value}
    told = [m for m in talk.from_bot() if m.topic in {"imported", "before"}]
    assert len(told) <= 1, "many commands are no reason for many answers"


def test_a44_a_scheduled_message_is_judged_when_it_is_delivered(
    talk: Conversation, cast: Cast
) -> None:
    """Zulip sends it as if its author, who was an owner then, had written it at that moment."""
    zulip = talk.stage.zulip
    zulip.change_role(cast.desdemona, Role.GUEST)
    try:
        with no_job(talk):
            assert reason_of(talk, talk.ask(cast.desdemona, "backup now")) == Reason.GUEST.value
    finally:
        zulip.change_role(cast.desdemona, Role.OWNER)
