"""Many commands at once: each is answered up to a limit, and what is beyond it in one message."""

from datetime import timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.views import SeenMessage
from handlers.errors import Reason
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import EYES, Conversation

LIMIT = 3
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, commands_a_minute=LIMIT)


@pytest.fixture(autouse=True)
def another_minute(talk: Conversation) -> None:
    """What was asked before does not count any more."""
    talk.let_pass(2 * MINUTE)
    talk.settled()


def from_bot(talk: Conversation, topic: str) -> list[SeenMessage]:
    """Once it has nothing more to say nor to count."""
    talk.let_pass(MINUTE / 2)
    talk.settled()
    return [message for message in talk.from_bot() if message.topic == topic]


def ask_often(talk: Conversation, person: Person, times: int, topic: str) -> list[int]:
    return [talk.ask(person, "version", topic=topic) for _ in range(times)]


def reasons(talk: Conversation, *message_ids: int) -> list[str | None]:
    """Once all of them are decided."""

    def decided() -> list[str | None] | None:
        entries = [talk.entry(one) for one in message_ids]
        found = [entry.reason if entry is not None else None for entry in entries]
        return found if all(found) else None

    return talk.wait(decided, "every command is decided")


def test_what_is_beyond_the_limit_is_told_in_one_message(talk: Conversation, cast: Cast) -> None:
    asked = ask_often(talk, cast.iago, LIMIT + 4, "flood")
    done, many = Reason.DONE.value, Reason.TOO_MANY.value
    assert reasons(talk, *asked) == [done] * LIMIT + [many] * 4
    *answers, last = from_bot(talk, "flood")
    assert [answer.content.split()[0] for answer in answers] == ["zulip-ops"] * LIMIT
    assert last.content.startswith(
        "I take 3 commands a minute from one person and did not take 4 more; they have no 👀. "
        "The next may come at <time:"
    )
    assert [EYES in talk.marks(one) for one in asked] == [True] * LIMIT + [False] * 4


def test_later_ones_are_counted_in_the_message_that_is_there(
    talk: Conversation, cast: Cast
) -> None:
    assert reasons(talk, *ask_often(talk, cast.iago, LIMIT + 1, "more of it"))[-1] == "too_many"
    assert "did not take one more of yours" in from_bot(talk, "more of it")[-1].content
    assert set(reasons(talk, *ask_often(talk, cast.iago, 5, "more of it"))) == {"too_many"}
    said = from_bot(talk, "more of it")
    assert "did not take 6 more" in said[-1].content
    assert len(said) == LIMIT + 1


def test_the_limit_is_each_persons_own_and_leaves_room_to_stop_something(
    talk: Conversation, cast: Cast
) -> None:
    asked = ask_often(talk, cast.iago, LIMIT + 1, "own limit")
    assert reasons(talk, *asked)[-1] == Reason.TOO_MANY.value
    assert talk.hear(cast.hamlet, "version")
    assert "There is no job #99" in talk.hear(cast.iago, "cancel 99")


def test_a_minute_later_commands_are_taken_again(talk: Conversation, cast: Cast) -> None:
    asked = ask_often(talk, cast.iago, LIMIT + 1, "again")
    assert reasons(talk, *asked)[-1] == Reason.TOO_MANY.value
    talk.let_pass(MINUTE)
    assert talk.hear(cast.iago, "version").startswith("zulip-ops")


def test_what_was_missed_is_offered_in_one_message_for_each_person(
    talk: Conversation, cast: Cast
) -> None:
    zulip, jobs = talk.stage.zulip, len(talk.jobs())
    with talk.without_bot():
        zulip.outages.lose_queues()
        missed = [
            talk.ask(cast.iago, "backup now --yes", topic="missed"),
            *(talk.ask(cast.iago, f"job {n}", topic="missed") for n in range(1, 14)),
            talk.ask(cast.hamlet, "version", topic="missed"),
        ]
        talk.let_pass(20 * MINUTE)
    assert set(reasons(talk, *missed)) == {Reason.TOO_OLD.value}
    to_iago, to_hamlet = from_bot(talk, "missed")
    assert to_iago.content.startswith(
        "While I was away you wrote `backup now --yes`, `job 1`, `job 2`"
    )
    assert "`job 9` and 4 more, the first at <time:" in to_iago.content
    assert to_hamlet.content.startswith("I was away when you wrote `version` at <time:")
    assert not any(EYES in talk.marks(one) for one in missed)
    assert len(talk.jobs()) == jobs


def test_what_was_moved_in_or_imported_meanwhile_is_not_run(talk: Conversation, cast: Cast) -> None:
    zulip, jobs = talk.stage.zulip, len(talk.jobs())
    lobby = zulip.add_channel("lobby", creator=cast.desdemona)
    zulip.subscribe(lobby, cast.iago, cast.desdemona)
    with talk.without_bot():
        zulip.outages.lose_queues()
        moved = zulip.post(cast.iago, lobby, "chatter", "@ops backup now --yes")
        zulip.move(cast.desdemona, moved, channel=cast.ops, topic="moved in")
        long_ago = talk.clock.now() - timedelta(days=300)
        old = zulip.import_message(cast.iago, cast.ops, "old", "@ops backup now --yes", long_ago)
        lately = talk.clock.now() - 5 * MINUTE
        young = zulip.import_message(cast.iago, cast.ops, "young", "@**ops** version", lately)
    assert reasons(talk, moved, old, young) == [
        Reason.NOT_A_COMMAND.value,
        Reason.OUT_OF_TURN.value,
        Reason.OUT_OF_TURN.value,
    ]
    assert "edited or moved. Repeat it" in from_bot(talk, "moved in")[-1].content
    assert from_bot(talk, "old") == [], "nobody waits for what is that old"
    assert "Repeat it if you still want it" in from_bot(talk, "young")[-1].content
    assert len(talk.jobs()) == jobs
