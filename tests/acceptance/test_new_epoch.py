"""Zulip's database is put back: nothing that hangs on old message ids survives, and all is told."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.views import SeenMessage
from state import approval_store, incident_store, installation, run_store
from state.job_store import Job
from tests.acceptance.conversation import Conversation

BUSY = 10_000


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    return ("local",)


@pytest.fixture(autouse=True)
def many_messages(talk: Conversation) -> None:
    """Each test finds Zulip's numbers further on, as on a busy server."""
    newest = talk.say(talk.stage.cast.hamlet, "Good morning", topic="lobby")
    talk.stage.zulip.outages.rewind_message_ids(newest + BUSY)
    assert talk.hear(talk.stage.cast.iago, "whoami")


def epoch(talk: Conversation) -> int:
    return talk.read(installation.epoch)


def waiting_plan(talk: Conversation, cast: Cast) -> tuple[Job, SeenMessage]:
    """Read by the bot already: a look that is under way would find the card gone, and end the
    job for that."""
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)

    def is_read() -> bool:
        return not talk.read(lambda tx: approval_store.has_open_question(tx, job.id))

    talk.settled()
    # Events are handled in order: behind this answer, the card that was sent is asked about.
    assert talk.hear(cast.iago, "whoami")
    talk.until(is_read, "the card is read")
    return job, card


def announcements(talk: Conversation, number: int) -> list[SeenMessage]:
    return [m for m in talk.from_bot() if m.content.startswith(f"**Epoch {number} begins.**")]


def was_run(talk: Conversation, job: Job) -> bool:
    return talk.read(lambda tx: run_store.get_run(tx, job.id, 2)) is not None


def restored(talk: Conversation, card: SeenMessage, cast: Cast) -> int:
    """5 000 numbers back; then so much is written that the card's number is given out again, and
    the asker reacts to that message with ✅."""
    zulip = talk.stage.zulip
    zulip.outages.rewind_message_ids(card.id - 5_000)
    zulip.outages.rewind_message_ids(card.id - 1)
    again = talk.say(cast.hamlet, "Lunch?", topic="lunch")
    assert again == card.id
    zulip.react(cast.iago, again, "check")
    return again


@contextmanager
def zulip_away(talk: Conversation) -> Iterator[None]:
    with talk.stage.zulip.outages.away(keep_queues=False):
        yield


def expect_new_epoch(talk: Conversation, number: int, job: Job, cast: Cast) -> None:
    talk.until(lambda: epoch(talk) == number, "a new epoch")
    end = talk.end_of(job.id)
    assert talk.job(job.id).status == "stale"
    assert "Zulip's message numbers began again" in end.content
    assert not was_run(talk, job)
    talk.settled()
    (told,) = announcements(talk, number)
    assert told.topic.startswith("incident #")
    assert f"#{job.id} (`backup now`)" in told.content
    assert talk.hear(cast.iago, "whoami").startswith("You are ")
    newest = talk.read(incident_store.open_incidents)[-1]
    assert (newest.kind, newest.subject) == ("epoch", str(number))
    assert talk.audit_chain_holds()


def test_consent_on_a_number_that_is_given_out_again_is_none(
    talk: Conversation, cast: Cast
) -> None:
    number = epoch(talk) + 1
    job, card = waiting_plan(talk, cast)
    with zulip_away(talk):
        again = restored(talk, card, cast)
    expect_new_epoch(talk, number, job, cast)
    talk.stage.zulip.react(cast.hamlet, again, "check")
    assert talk.hear(cast.iago, "whoami")
    assert not was_run(talk, job)
    assert talk.marks(again) == set()


def test_numbers_that_went_back_are_noticed_while_nobody_writes(
    talk: Conversation, cast: Cast
) -> None:
    number = epoch(talk) + 1
    job, card = waiting_plan(talk, cast)
    talk.stage.zulip.outages.restore_backup(card.id - 5_000)
    expect_new_epoch(talk, number, job, cast)


def test_it_is_noticed_after_the_bot_was_down_too(talk: Conversation, cast: Cast) -> None:
    number = epoch(talk) + 1
    job, card = waiting_plan(talk, cast)
    with talk.without_bot():
        talk.stage.zulip.outages.restore_backup(card.id - 5_000)
        asked = talk.ask(cast.iago, "whoami")
    expect_new_epoch(talk, number, job, cast)
    assert talk.answer_to(asked).startswith("You are "), "written before the bot was back"
    talk.restart_bot()
    talk.settled()
    assert epoch(talk) == number
    assert len(announcements(talk, number)) == 1


def test_a_new_plan_can_be_consented_to_in_the_new_epoch(talk: Conversation, cast: Cast) -> None:
    number = epoch(talk) + 1
    job, card = waiting_plan(talk, cast)
    talk.stage.zulip.outages.restore_backup(card.id - 5_000)
    expect_new_epoch(talk, number, job, cast)
    again, card = waiting_plan(talk, cast)
    talk.react(cast.iago, card.id)
    assert talk.reached(again.id, "succeeded").epoch == number


def test_a_run_that_is_under_way_ends_and_is_told(talk: Conversation, cast: Cast) -> None:
    number = epoch(talk) + 1
    asked = talk.ask(cast.iago, "backup now --yes")
    job = talk.job_for(asked)
    with talk.backup_held():
        talk.wait_until_held()
        talk.stage.zulip.outages.restore_backup(asked - 5_000)
        talk.until(lambda: epoch(talk) == number, "a new epoch")
        (told,) = talk.wait(lambda: announcements(talk, number) or None, "the announcement")
        assert f"Under way and left to end: #{job.id}." in told.content
    talk.reached(job.id, "succeeded")
    talk.settled()
    said = [message.content for message in talk.in_topic_of(job.id)]
    assert said[0].startswith(f"Job #{job.id} (`backup now --yes`) goes on.")
    assert len([text for text in said if f"**Job #{job.id}**" in text]) == 1


def test_a_deleted_newest_message_costs_nothing(talk: Conversation, cast: Cast) -> None:
    number = epoch(talk)
    job, card = waiting_plan(talk, cast)
    talk.settled()
    with talk.without_bot():
        gone = talk.say(cast.hamlet, "Never mind", topic="lunch")
        talk.stage.zulip.delete(cast.hamlet, gone)
    assert talk.hear(cast.iago, "whoami")
    gone = talk.say(cast.hamlet, "Never mind that either", topic="lunch")
    assert talk.hear(cast.iago, "whoami")
    with talk.without_bot():
        newest = talk.stage.zulip.messages()[-1]
        talk.stage.zulip.delete(cast.iago, newest.id)
        talk.stage.zulip.outages.lose_queues()
    talk.react(cast.iago, card.id)
    talk.reached(job.id, "succeeded")
    assert epoch(talk) == number
    talk.settled()
