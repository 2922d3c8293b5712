"""A server with one administrator: their own ✅ and the delay stand in for the second person."""

from datetime import timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation

POLICY = """
[policy]
solo = true
[policy.roles]
operator = [{iago}]
[policy.read]
ask = ["operator"]
[policy.routine]
ask = ["operator"]
approve = ["operator"]
"""


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY)


def test_their_own_check_and_a_minute(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)
    assert "**To approve**: @_**Iago|5** reacts with ✅" in card.content
    assert "it waits 1 min" in card.content
    talk.react(cast.iago, card.id)
    talk.reached(job.id, "arming")
    talk.let_pass(timedelta(seconds=61))
    talk.reached(job.id, "succeeded")


def test_their_own_cross_stops_it(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)
    talk.react(cast.iago, card.id)
    talk.reached(job.id, "arming")
    talk.react(cast.iago, card.id, "cross_mark")
    talk.reached(job.id, "rejected")


def test_nobody_elses_counts(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.react(cast.desdemona, talk.card(job.id).id)
    talk.settled()
    assert talk.job(job.id).status == "awaiting_approval"
    assert "*solo*: the asker's own ✅" in talk.hear(cast.iago, "policy")
