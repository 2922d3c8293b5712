"""The channel is opened, or a topic is moved, so that others read and react."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from bot.demo.stage import Stage, Wish
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.channels import Channel
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import Conversation
from tests.attacks.conftest import POLICY
from tests.attacks.outcome import ignored, no_job, open_incident, reason_of, waiting

#: What may pass at most before the bot knows.
A_MINUTE = timedelta(seconds=60)


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY)


@pytest.fixture(scope="module")
def talk(stage: Stage) -> Iterator[Conversation]:
    """As a server should be: a private channel with nobody in it but the policy's people."""
    text = stage.configuration.read_text().replace("channel_may_be_open = true\n", "")
    stage.configuration.write_text(text)
    stage.zulip.unsubscribe(stage.cast.ops, stage.cast.cordelia, stage.cast.polonius)
    with stage.zulip.changing():
        stage.cast.ops.private = True
    with closing(Conversation(stage)) as conversation:
        conversation.start_bot()
        yield conversation


@pytest.fixture(scope="module")
def lobby(talk: Conversation) -> Channel:
    zulip, cast = talk.stage.zulip, talk.stage.cast
    channel = zulip.add_channel("lobby", creator=cast.desdemona)
    zulip.subscribe(channel, cast.desdemona, cast.iago, cast.cordelia, cast.bot)
    return channel


def open_up(talk: Conversation, how: str, *, opened: bool) -> None:
    zulip, cast = talk.stage.zulip, talk.stage.cast
    with zulip.changing():
        if how == "public":
            cast.ops.private = not opened
        elif how == "web":
            cast.ops.web_public = opened
        elif opened:
            zulip.subscribe(cast.ops, cast.polonius)
        else:
            zulip.unsubscribe(cast.ops, cast.polonius)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("public", "#**ops** is public, so everybody here can read it."),
        ("web", "#**ops** can be read from the web, without an account."),
        ("guest", "@_**|8** is in #**ops**, and no role of the policy lists them."),
    ],
)
def test_a06_the_channel_is_opened(talk: Conversation, cast: Cast, how: str, said: str) -> None:
    job = waiting(talk, cast.iago)
    open_up(talk, how, opened=True)
    talk.let_pass(A_MINUTE)
    assert open_incident(talk, "open_channel").sentence == said
    assert talk.reached(job.id, "stale").reason == "channel_open"
    with no_job(talk):
        asked = talk.ask(cast.iago, "backup now")
        assert reason_of(talk, asked) == "channel_open"
    assert "would set something going, and I take nothing of that kind" in talk.answer_to(asked)
    assert talk.hear(cast.iago, "whoami").startswith("You are ")
    open_up(talk, how, opened=False)
    talk.let_pass(A_MINUTE)
    talk.until(
        lambda: any("closed to others again" in one.content for one in talk.from_bot()[-3:]),
        "it is told that it is over",
    )
    again = waiting(talk, cast.iago)
    talk.hear(cast.iago, f"cancel {again.id}")


def test_a06_a_channel_that_was_opened_meanwhile_is_noticed_at_the_start(
    talk: Conversation, cast: Cast
) -> None:
    with talk.without_bot():
        open_up(talk, "public", opened=True)
    open_incident(talk, "open_channel")
    assert reason_of(talk, talk.ask(cast.iago, "backup now")) == "channel_open"
    open_up(talk, "public", opened=False)
    talk.let_pass(A_MINUTE)
    talk.until(lambda: talk.hear(cast.iago, "incidents") == "No incident is open.", "it is over")


def test_a19_an_outsider_reacts_in_a_channel_that_was_made_public(
    talk: Conversation, cast: Cast
) -> None:
    """Before the bot has looked at the channel: their id is in no list of root's."""
    job = waiting(talk, cast.iago)
    open_up(talk, "public", opened=True)
    talk.react(cast.cordelia, talk.card(job.id).id)
    assert ignored(talk, job, cast.cordelia) == "unlisted"
    open_up(talk, "public", opened=False)
    assert talk.job(job.id).status == "awaiting_approval"
    talk.hear(cast.iago, f"cancel {job.id}")


def test_a20_the_topic_of_a_plan_is_moved_to_where_others_read(
    talk: Conversation, cast: Cast, lobby: Channel
) -> None:
    job = waiting(talk, cast.iago)
    card = talk.card(job.id)
    talk.stage.zulip.move(cast.desdemona, card.id, channel=lobby)
    assert talk.reached(job.id, "stale").reason == "message_changed"
    end = talk.end_of(job.id)
    assert (end.channel, end.topic) == ("ops", card.topic)
    assert open_incident(talk, "moved_topic").subject == f"#{job.id}"
    talk.close_incidents()


def test_a20_the_topic_of_a_run_is_moved_to_where_others_read(
    talk: Conversation, cast: Cast, lobby: Channel
) -> None:
    """Progress is not edited into the message that others see, and the end is told at home."""
    zulip = talk.stage.zulip
    with talk.backup_held():
        job = talk.job_for(talk.ask(cast.iago, "backup now"))
        card = talk.card(job.id)
        talk.react(cast.hamlet, card.id)
        talk.wait_until_held()
        status = talk.wait(lambda: talk.job(job.id).status_message_id, "the status message")
        zulip.move(cast.desdemona, card.id, channel=lobby)
        moved = max(message.id for message in zulip.messages())
        shown = talk.message(status).content
        open_incident(talk, "moved_topic")
    assert talk.reached(job.id, "succeeded").reason == "done"
    end = talk.end_of(job.id)
    talk.settled()
    later = [m for m in talk.from_bot() if m.id > moved]
    assert end in later
    assert {message.channel for message in later} == {"ops"}
    assert talk.message(status).content == shown
    talk.close_incidents()
