"""Zulip is away for a while: nothing is lost, nothing is said twice, and all of it in order."""

from datetime import timedelta

import pytest

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.faults import Fault, Trouble
from tests.acceptance.conversation import CHECK, Conversation


def told(talk: Conversation, job_id: int) -> list[str]:
    """The bot's messages in the topic of a job."""
    talk.settled()
    bot = talk.stage.cast.bot.id
    return [message.content for message in talk.in_topic_of(job_id) if message.sender_id == bot]


def is_answered_once(talk: Conversation, message_id: int) -> bool:
    talk.settled()
    topic = talk.message(message_id).topic
    return sum(message.topic == topic for message in talk.from_bot()) == 1


@pytest.mark.parametrize("refused", [False, True], ids=["502", "refused"])
@pytest.mark.parametrize("keep_queues", [True, False], ids=["queues kept", "queues lost"])
def test_a_backup_that_ends_while_zulip_is_away_is_told_when_it_is_back(
    talk: Conversation, cast: Cast, refused: bool, keep_queues: bool
) -> None:
    with talk.backup_held():
        asked = talk.ask(cast.iago, "backup now --yes")
        job = talk.job_for(asked)
        talk.wait_until_held()
        talk.until(lambda: bool(talk.in_topic_of(job.id)), "its status message")
        outage = talk.stage.zulip.outages.away(keep_queues=keep_queues, refused=refused)
        outage.__enter__()
    talk.reached(job.id, "succeeded")
    assert not any("succeeded" in text for text in contents(talk, job.id))
    outage.__exit__(None, None, None)
    talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)

    status, end = told(talk, job.id)
    assert "✔ Read the copy in store local back to its end" in status
    assert f"**Job #{job.id}** (" in end
    assert talk.in_topic_of(job.id)[0].topic.startswith("✔ ")


def contents(talk: Conversation, job_id: int) -> list[str]:
    return [message.content for message in talk.in_topic_of(job_id)]


def test_commands_that_came_while_it_was_not_listening_are_answered_in_order(
    talk: Conversation, cast: Cast
) -> None:
    zulip = talk.stage.zulip
    with zulip.outages.away(keep_queues=False):
        asked = [talk.ask(cast.iago, f"job {n}", topic="order") for n in range(701, 709)]
    answers = talk.answers_to(asked[-1], len(asked))
    talk.settled()
    assert [answer[:24] for answer in answers] == [
        f"There is no job #{n}. `@" for n in range(701, 709)
    ]
    assert sum(message.topic == "order" for message in talk.from_bot()) == len(asked)


def test_a_lost_queue_loses_nothing(talk: Conversation, cast: Cast) -> None:
    for _ in range(3):
        talk.stage.zulip.outages.lose_queues(cast.bot)
        asked = talk.ask(cast.iago, "whoami")
        talk.answer_to(asked)
        assert is_answered_once(talk, asked)


def test_consent_given_while_the_queue_was_lost_counts(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)
    with talk.stage.zulip.outages.away(keep_queues=False):
        talk.react(cast.iago, card.id)
    talk.reached(job.id, "succeeded")
    assert len(told(talk, job.id)) == 3


@pytest.mark.parametrize("trouble", [Trouble.CUT, Trouble.BAD_GATEWAY])
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_an_answer_whose_sending_fails_is_there_once(
    talk: Conversation, cast: Cast, trouble: Trouble, after_effect: bool
) -> None:
    zulip = talk.stage.zulip
    fault = Fault(trouble, "POST", "/api/v1/messages", cast.bot.email, after_effect=after_effect)
    zulip.faults.plan(fault)
    asked = talk.ask(cast.iago, "whoami")
    talk.answer_to(asked)
    assert is_answered_once(talk, asked)
    assert zulip.faults.pending() == 0
    zulip.faults.clear()


class NoHurry:
    """A backoff that has grown long in an outage."""

    def worked(self) -> None:
        pass

    def next_wait(self) -> timedelta:
        return timedelta(minutes=10)


def test_what_waited_is_told_as_soon_as_zulip_is_back(
    talk: Conversation, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert talk.app is not None
    for worker in talk.app.sender._workers:
        monkeypatch.setattr(worker, "_backoff", NoHurry())
    with talk.backup_held():
        asked = talk.ask(cast.iago, "backup now --yes")
        job = talk.job_for(asked)
        talk.wait_until_held()
        outage = talk.stage.zulip.outages.away()
        outage.__enter__()
    talk.reached(job.id, "succeeded")
    reacting = f"/api/v1/messages/{asked}/reactions"
    talk.until(lambda: bool(talk.stage.zulip.calls("DELETE", reacting)), "it was tried in vain")
    outage.__exit__(None, None, None)
    talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)


def test_a_limit_on_calls_delays_and_loses_nothing(talk: Conversation, cast: Cast) -> None:
    zulip = talk.stage.zulip
    zulip.faults.plan(Fault(Trouble.RATE_LIMITED, user=cast.bot.email), times=4)
    asked = [talk.ask(cast.iago, "whoami") for _ in range(3)]
    for message_id in asked:
        talk.answer_to(message_id)
        assert is_answered_once(talk, message_id)
    zulip.faults.clear()


def test_status_says_that_zulip_did_not_answer(talk: Conversation, cast: Cast) -> None:
    zulip = talk.stage.zulip
    zulip.faults.plan(Fault(Trouble.BAD_GATEWAY, "GET", "/health"), times=50)
    answer = talk.hear(cast.iago, "status")
    zulip.faults.clear()
    assert "**Seen by the bot**: Zulip does not answer" in answer
