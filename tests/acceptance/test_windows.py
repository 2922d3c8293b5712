"""Maintenance windows: a job that is agreed to waits for its hours, and its plan lasts so long."""

from datetime import timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation

POLICY = """
[policy.roles]
operator = [{iago}, {desdemona}]
[policy.read]
ask = ["operator"]
[policy.routine]
ask = ["operator"]
yes = true
window = ["02:00-03:00 Europe/Berlin", "Sat 04:00-05:00 UTC"]
"""


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY)


@pytest.fixture(autouse=True)
def at_noon(talk: Conversation) -> None:
    now = talk.clock.now()
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    talk.let_pass((noon if noon > now else noon + timedelta(days=1)) - now)


def test_a_job_waits_for_its_window_over_a_restart(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)
    assert "It starts within `02:00-03:00 Europe/Berlin` or `Sat 04:00-05:00 UTC` only." in (
        card.content
    )
    expires = talk.job(job.id).expires_at
    assert expires is not None
    assert timedelta(hours=13) < expires - talk.clock.now() < timedelta(hours=15)
    talk.react(cast.iago, card.id)
    talk.reached(job.id, "queued")
    talk.settled()
    told = talk.in_topic_of(job.id)[-1].content
    assert f"Job #{job.id} (`backup now`) waits for its window, `02:00-03:00" in told
    assert "it starts by itself after <time:" in told
    assert f"- Job #{job.id} (`backup now`) waits for a maintenance window" in talk.hear(
        cast.iago, "holds"
    )
    assert f"#{job.id} `backup now` queued for " in talk.hear(cast.iago, "status")
    assert "(waits until <time:" in talk.hear(cast.iago, "status")
    assert "It waits for its maintenance window, until <time:" in talk.hear(
        cast.iago, f"why {job.id}"
    )
    policy = talk.hear(cast.iago, "policy")
    assert "it starts within `02:00-03:00 Europe/Berlin` or `Sat 04:00-05:00 UTC`" in policy
    talk.restart_bot()
    assert talk.hear(cast.iago, "whoami")
    assert talk.job(job.id).status == "queued"
    talk.let_pass(timedelta(hours=13, minutes=30))
    talk.reached(job.id, "succeeded")


def test_what_is_not_agreed_to_before_its_window_is_over_expires(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.card(job.id)
    talk.let_pass(timedelta(hours=15))
    talk.reached(job.id, "expired")


def test_to_add_a_schedule_needs_no_window(talk: Conversation, cast: Cast) -> None:
    asked = 'schedule add nightly "backup now" --cron "30 2 * * *" --tz Europe/Berlin --yes'
    job = talk.job_for(talk.ask(cast.iago, asked))
    talk.reached(job.id, "succeeded")
    talk.hear(cast.iago, "schedule run nightly")
    queued = talk.wait(
        lambda: next((one for one in talk.jobs() if one.origin == "schedule"), None), "its job"
    )
    talk.reached(queued.id, "queued")
    talk.settled()
    told = talk.stage.zulip.messages(cast.ops, "schedule: nightly")[-1].content
    assert f"Job #{queued.id} (`backup now`) waits for its window" in told
