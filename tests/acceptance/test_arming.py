"""Two other people and a delay: what most of all needs thinking over."""

from datetime import timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from state.job_store import Job
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation

POLICY = """
[policy.roles]
operator = [{iago}]
approver = [{desdemona}, {hamlet}, {cordelia}]
[policy.read]
ask = ["operator", "approver"]
[policy.routine]
ask = ["operator"]
approve = ["approver"]
people = 2
arming_seconds = 60
"""


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY)


def waiting(talk: Conversation, cast: Cast) -> Job:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.card(job.id)
    return talk.reached(job.id, "awaiting_approval")


def armed(talk: Conversation, cast: Cast) -> Job:
    job = waiting(talk, cast)
    talk.react(cast.desdemona, talk.card(job.id).id)
    talk.react(cast.hamlet, talk.card(job.id).id)
    return talk.reached(job.id, "arming")


def told(talk: Conversation, job: Job, sentence: str) -> None:
    def said() -> bool:
        return any(sentence in message.content for message in talk.in_topic_of(job.id))

    talk.until(said, sentence)


def test_two_people_a_delay_and_then_it_runs(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast)
    card = talk.card(job.id)
    assert "two of @**|4**, @**|6**, @**|7** react with ✅" in card.content
    assert "After the last ✅ it waits 1 min, in which ❌ still stops it." in card.content
    talk.react(cast.desdemona, card.id)
    told(talk, job, f"@_**|4** approved job #{job.id}: 1 of 2; one more person has to approve it.")
    talk.react(cast.hamlet, card.id)
    talk.reached(job.id, "arming")
    told(talk, job, f"@_**|4** and @_**|6** approved job #{job.id}. It starts after")
    assert "❌ still stops it until" in talk.hear(cast.iago, f"why {job.id}")
    assert "starts after" in talk.hear(cast.iago, "approvals")
    talk.let_pass(timedelta(seconds=30))
    talk.settled()
    assert talk.job(job.id).status == "arming"
    talk.let_pass(timedelta(seconds=31))
    talk.reached(job.id, "succeeded")
    assert "approved by @_**|4** and @_**|6**" in talk.end_of(job.id).content


def test_one_person_twice_is_one_person(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast)
    talk.react(cast.desdemona, talk.card(job.id).id)
    told(talk, job, "1 of 2")
    talk.hear(cast.desdemona, f"approve {job.id}")
    talk.settled()
    assert talk.job(job.id).status == "awaiting_approval"
    talk.hear(cast.iago, f"cancel {job.id}")


def test_what_is_taken_back_is_said(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast)
    card = talk.card(job.id).id
    talk.react(cast.desdemona, card)
    told(talk, job, "1 of 2")
    talk.unreact(cast.desdemona, card)
    told(talk, job, f"@_**|4** took the approval of job #{job.id} back: 0 of 2.")
    talk.react(cast.hamlet, card)
    told(talk, job, f"@_**|6** approved job #{job.id}: 1 of 2")
    talk.hear(cast.iago, f"cancel {job.id}")


def test_a_cross_in_the_delay_stops_it(talk: Conversation, cast: Cast) -> None:
    job = armed(talk, cast)
    talk.react(cast.cordelia, talk.card(job.id).id, "cross_mark")
    assert talk.reached(job.id, "rejected").started_at is None
    talk.let_pass(timedelta(seconds=61))
    talk.settled()
    assert talk.job(job.id).status == "rejected"


def test_a_check_taken_back_in_the_delay_stops_it(talk: Conversation, cast: Cast) -> None:
    job = armed(talk, cast)
    talk.unreact(cast.hamlet, talk.card(job.id).id)
    assert talk.reached(job.id, "cancelled").reason == "withdrawn"


def test_reject_in_the_delay_stops_it(talk: Conversation, cast: Cast) -> None:
    job = armed(talk, cast)
    assert "has all the approval it needs" in talk.hear(cast.cordelia, f"approve {job.id}")
    assert "is rejected" in talk.hear(cast.cordelia, f"reject {job.id}")
    talk.reached(job.id, "rejected")


def test_cancel_in_the_delay_stops_it(talk: Conversation, cast: Cast) -> None:
    job = armed(talk, cast)
    talk.hear(cast.iago, f"cancel {job.id}")
    talk.reached(job.id, "cancelled")


def test_the_delay_outlives_the_bot(talk: Conversation, cast: Cast) -> None:
    job = armed(talk, cast)
    with talk.without_bot():
        talk.let_pass(timedelta(seconds=61))
    talk.let_pass(timedelta(seconds=1))
    talk.reached(job.id, "succeeded")


def test_a_cross_while_the_bot_was_away_stops_it(talk: Conversation, cast: Cast) -> None:
    job = armed(talk, cast)
    with talk.without_bot():
        talk.react(cast.cordelia, talk.card(job.id).id, "cross_mark")
        talk.let_pass(timedelta(seconds=61))
    talk.let_pass(timedelta(seconds=1))
    talk.reached(job.id, "rejected")


def test_a_plan_that_grows_too_old_in_the_delay_expires(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast)
    card = talk.card(job.id).id
    talk.let_pass(timedelta(minutes=59, seconds=30))
    talk.react(cast.desdemona, card)
    talk.react(cast.hamlet, card)
    talk.reached(job.id, "arming")
    talk.let_pass(timedelta(seconds=31))
    expired = talk.reached(job.id, "expired")
    assert expired.sentence == "Its plan was too old when its turn came, so nothing was done."
