"""Who may speak to the bot, how, and where; and what is never a command."""

import pytest

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.channels import Channel
from bot.demo.zulip.model.people import Role
from bot.events import RowSent
from tests.acceptance.conversation import EYES, Conversation


@pytest.fixture(scope="module")
def lobby(talk: Conversation) -> Channel:
    """A channel besides #ops in which the bot is too."""
    zulip, cast = talk.stage.zulip, talk.stage.cast
    channel = zulip.add_channel("lobby", creator=cast.desdemona)
    zulip.subscribe(channel, cast.desdemona, cast.iago, cast.hamlet, cast.bot)
    return channel


def is_left_alone(talk: Conversation, message_id: int) -> bool:
    """Whether the bot passed a message over, once it has answered a later one."""
    assert talk.hear(talk.stage.cast.iago, "whoami")
    talk.settled()
    place = talk.message(message_id)
    later = [message for message in talk.from_bot() if message.id > message_id]
    return not talk.marks(message_id) and not any(m.topic == place.topic for m in later)


@pytest.mark.parametrize(
    "mention",
    ["@**ops** {}", "@**ops|{id}** {}", "@**Somebody|{id}** {}", "@ops {}", "@OPS {}", "@ops: {}"],
)
def test_it_listens_to_its_name_in_the_ops_channel(
    talk: Conversation, cast: Cast, mention: str
) -> None:
    asked = talk.say(cast.iago, mention.format("whoami", id=cast.bot.id))
    assert talk.answer_to(asked).startswith("You are @_**Iago|")
    talk.wait_for_marks(asked, EYES)


def test_the_name_with_the_id_of_somebody_else_is_not_its_own(
    talk: Conversation, cast: Cast
) -> None:
    assert is_left_alone(talk, talk.say(cast.iago, f"@**ops|{cast.hamlet.id}** whoami"))


@pytest.mark.parametrize("text", ["whoami", "@**ops** whoami", "@ops whoami"])
def test_direct_messages_are_for_reading(talk: Conversation, cast: Cast, text: str) -> None:
    asked = talk.whisper(cast.hamlet, text)
    assert talk.answer_to(asked).startswith("You are @_**Hamlet|")


def test_what_changes_the_server_is_not_for_direct_messages(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())
    answer = talk.answer_to(talk.whisper(cast.iago, "backup now --yes"))
    assert answer == (
        "`backup now --yes` changes the server, so ask for it in #**ops**, where others see it. "
        "Direct messages are for reading."
    )
    assert len(talk.jobs()) == jobs


def test_direct_messages_between_several_need_its_name(talk: Conversation, cast: Cast) -> None:
    zulip = talk.stage.zulip
    group = (cast.hamlet, cast.bot)
    chatter = zulip.post_direct(cast.iago, *group, content="whoami")
    assert is_left_alone(talk, chatter)


def test_in_another_channel_it_names_the_right_one_and_does_nothing(
    talk: Conversation, cast: Cast, lobby: Channel
) -> None:
    jobs = len(talk.jobs())
    zulip = talk.stage.zulip
    reading = zulip.post(cast.iago, lobby, "reading", "@**ops** whoami")
    changing = zulip.post(cast.iago, lobby, "changing", "@**ops** backup now --yes")
    plain = zulip.post(cast.iago, lobby, "plain", "@ops whoami")

    assert "#**ops**" in talk.answer_to(reading)
    assert "#**ops**" in talk.answer_to(changing)
    assert is_left_alone(talk, plain)
    assert len(talk.jobs()) == jobs


def test_a_guest_is_refused_in_one_line(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.polonius, "status")
    assert talk.answer_to(asked) == "Guests may not give me commands."
    talk.wait_for_marks(asked, EYES)


def test_somebody_without_a_role_is_told_which_is_missing(talk: Conversation, cast: Cast) -> None:
    assert talk.hear(cast.cordelia, "status").startswith(
        "You may not run `status`: it needs the role *viewer* or *operator*"
    )


def test_a_bot_gets_no_answer(talk: Conversation, cast: Cast) -> None:
    """Two programs that answer each other would never end."""
    zulip = talk.stage.zulip
    other = zulip.add_person("other", "other-bot@example.com", is_bot=True, owner=cast.iago)
    zulip.subscribe(cast.ops, other)
    asked = talk.ask(other, "status")
    talk.ask(cast.iago, "whoami")

    def settled() -> bool:
        entry = talk.entry(asked)
        return entry is not None and entry.status == "answered"

    talk.until(settled, "it was looked at")
    talk.settled()
    assert not any(m.topic == talk.message(asked).topic for m in talk.from_bot())


def test_somebody_who_was_deactivated_meanwhile_gets_no_answer(
    talk: Conversation, cast: Cast
) -> None:
    zulip = talk.stage.zulip
    jago = zulip.add_person("Jago", "jago@example.com")
    zulip.subscribe(cast.ops, jago)
    with talk.without_bot():
        asked = talk.ask(jago, "whoami")
        zulip.deactivate(jago)

    def settled() -> bool:
        entry = talk.entry(asked)
        return entry is not None and entry.status == "answered"

    talk.until(settled, "it was looked at")
    talk.settled()
    assert not any(m.topic == talk.message(asked).topic for m in talk.from_bot())


def test_somebody_who_was_deactivated_cannot_confirm(talk: Conversation, cast: Cast) -> None:
    zulip = talk.stage.zulip
    job = talk.job_for(talk.ask(cast.desdemona, "backup now"))
    card = talk.card(job.id)
    with talk.without_bot():
        talk.react(cast.desdemona, card.id)
        zulip.change_role(cast.desdemona, Role.GUEST)
    assert talk.hear(cast.iago, "whoami")
    talk.until(lambda: bool(zulip.calls("GET", f"/api/v1/messages/{card.id}")), "it is read")
    assert talk.hear(cast.iago, "whoami")
    assert talk.job(job.id).status == "awaiting_approval"
    zulip.change_role(cast.desdemona, Role.OWNER)
    assert "is cancelled" in talk.hear(cast.iago, f"cancel {job.id}")


def test_an_edit_never_makes_a_command(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())
    said = talk.say(cast.iago, "good morning")
    talk.stage.zulip.edit(cast.iago, said, "@**ops** backup now --yes")
    assert is_left_alone(talk, said)
    assert len(talk.jobs()) == jobs


def test_an_edit_of_a_command_runs_nothing_again(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())
    asked = talk.ask(cast.iago, "whoami")
    talk.answer_to(asked)
    talk.stage.zulip.edit(cast.iago, asked, "@**ops** backup now --yes")
    assert talk.hear(cast.iago, "whoami")
    talk.settled()
    assert len(talk.jobs()) == jobs
    topic = talk.message(asked).topic
    assert sum(message.topic == topic for message in talk.from_bot()) == 1


def test_what_was_edited_while_the_bot_was_away_is_not_run(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())
    with talk.without_bot():
        talk.stage.zulip.outages.lose_queues()
        said = talk.say(cast.iago, "good morning")
        talk.stage.zulip.edit(cast.iago, said, "@**ops** backup now --yes")
    answer = talk.answer_to(said)
    assert answer.startswith("I was away when you wrote `backup now --yes`")
    assert answer.endswith("edited or moved. Repeat it if you still want it.")
    assert len(talk.jobs()) == jobs


def test_what_is_moved_into_the_channel_is_not_run(
    talk: Conversation, cast: Cast, lobby: Channel
) -> None:
    jobs = len(talk.jobs())
    zulip = talk.stage.zulip
    said = zulip.post(cast.iago, lobby, "chatter", "@ops backup now --yes")
    assert talk.hear(cast.iago, "whoami")
    zulip.move(cast.desdemona, said, channel=cast.ops, topic="moved here")
    assert talk.hear(cast.iago, "whoami")
    talk.settled()
    assert len(talk.jobs()) == jobs
    assert not any(message.topic == "moved here" for message in talk.from_bot())


def test_the_answer_goes_where_the_question_was_moved(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now", topic="first name")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    talk.stage.zulip.move(cast.desdemona, card.id, topic="renamed by hand")
    # A moved plan cannot be confirmed any more; its end is told in the topic where it now lies.
    talk.reached(job.id, "stale")
    assert talk.end_of(job.id).topic == "renamed by hand"


def test_it_does_so_when_the_bot_reads_of_the_move_before_it_hears_of_it(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now", topic="another first name"))
    card = talk.card(job.id)
    talk.settled()
    assert talk.app is not None
    with talk.stage.zulip.outages.late_events():
        talk.stage.zulip.move(cast.desdemona, card.id, topic="renamed again")
        # Whatever else has the card read; here it counts as sent once more.
        talk.app.dispatcher.events.put(RowSent(0, job.id, "card", card.id))
        talk.reached(job.id, "stale")
        assert talk.end_of(job.id).topic == "renamed again"
    assert talk.hear(cast.iago, "whoami").startswith("You are ")


def test_what_is_delivered_twice_counts_once(talk: Conversation, cast: Cast) -> None:
    talk.stage.zulip.outages.duplicate_events(3)
    with talk.local_store_unusable():
        asked = talk.ask(cast.iago, "backup now --to local")
        job = talk.job_for(asked)
        talk.stage.zulip.outages.redeliver(cast.bot, 2)
        talk.reached(job.id, "failed")
    talk.end_of(job.id)
    assert is_answered_once(talk, asked)
    assert sum(one.command_message_id == asked for one in talk.jobs()) == 1


def is_answered_once(talk: Conversation, message_id: int) -> bool:
    talk.settled()
    topic = talk.message(message_id).topic
    return sum(message.topic == topic for message in talk.from_bot()) == 1
