"""A reaction that is faster than the bot's own bookkeeping counts too."""

from datetime import timedelta

import pytest

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.faults import Fault, Trouble
from tests.acceptance.conversation import Conversation


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    return ("local",)


def test_consent_given_before_the_card_counts_as_sent(talk: Conversation, cast: Cast) -> None:
    zulip = talk.stage.zulip
    slow = Fault(
        Trouble.DELAY,
        method="POST",
        path="/api/v1/messages",
        user=cast.bot.email,
        after_effect=True,
        wait=timedelta(seconds=1),
    )
    # The pointer and the card: both are in Zulip a second before the bot hears so.
    zulip.faults.plan(slow, times=2)
    asked = talk.ask(cast.iago, "backup now")
    card = zulip.wait_for(lambda message: "To confirm" in message.content, timedelta(seconds=30))
    zulip.react(cast.iago, card.id, "check")
    job = talk.job_for(asked)

    assert job.card_message_id is None
    assert talk.reached(job.id, "succeeded").consent == "reaction"
