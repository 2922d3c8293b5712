"""A schedule whose jobs need another person needs that person too, once."""

from datetime import timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from state import schedule_store
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation

POLICY = """
[policy.roles]
operator = [{iago}, {desdemona}, {hamlet}]
approver = [{desdemona}]
[policy.read]
ask = ["operator"]
[policy.routine]
ask = ["operator"]
approve = ["approver"]
"""
ADD = 'schedule add nightly "backup now" --cron "30 2 * * *"'


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY)


def test_another_person_agrees_once_and_it_lasts_while_their_word_would_do(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, ADD))
    talk.react(cast.iago, talk.card(job.id).id)
    talk.react(cast.desdemona, talk.card(job.id).id)
    talk.reached(job.id, "succeeded")
    kept = talk.read(lambda tx: schedule_store.get(tx, "nightly"))
    assert kept is not None
    assert (kept.asker_id, kept.agreed_by) == (cast.iago.id, [cast.desdemona.id])
    assert f"agreed to by @_**|{cast.desdemona.id}**" in talk.hear(cast.iago, "schedules")

    path = talk.stage.configuration
    before = path.read_text()
    # Another policy in which the same people would do changes nothing.
    approve = 'approve = ["approver"]\n'
    path.write_text(before.replace(approve, approve + "expires_minutes = 30\n"))
    talk.let_pass(timedelta(days=1))
    talk.until(
        lambda: any(one.origin == "schedule" and one.status == "succeeded" for one in talk.jobs()),
        "it runs",
    )
    path.write_text(
        before.replace(f"approver = [{cast.desdemona.id}]", f"approver = [{cast.hamlet.id}]")
    )
    talk.let_pass(timedelta(days=1))
    talk.until(
        lambda: "Suspended: by the present policy" in talk.hear(cast.iago, "schedules"), "so"
    )
    assert len([one for one in talk.jobs() if one.origin == "schedule"]) == 1
