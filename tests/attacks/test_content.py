"""What somebody changes and moves: messages that became something else since they were written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.channels import Channel
from jobs.consent_rules import Cause, Source, SourceSeen, State, Vote, judge
from state.job_store import Job
from tests.acceptance.conversation import Conversation
from tests.attacks.outcome import no_job, open_incident, reason_of, took_no_notice, waiting
from tests.jobs.test_consent_rules import APPROVAL, BOT, HAMLET, IAGO, NOW, no, seen, yes

EDITS = 1_000
WRITTEN = Source(message_id=400, sender_id=IAGO, content_sha256="a" * 64)
VOTES = st.lists(
    st.sampled_from([yes(HAMLET), yes(IAGO), no(HAMLET), Vote(HAMLET, "2714", "unicode_emoji")]),
    max_size=4,
)


@pytest.fixture(scope="module")
def lobby(talk: Conversation) -> Channel:
    """A public channel in which the bot is not."""
    zulip, cast = talk.stage.zulip, talk.stage.cast
    channel = zulip.add_channel("lobby", creator=cast.desdemona)
    zulip.subscribe(channel, cast.desdemona, cast.iago, cast.hamlet, cast.cordelia)
    return channel


@given(
    sha=st.text("0123456789abcdef", min_size=64, max_size=64).filter(lambda one: one != "a" * 64),
    votes=VOTES,
    is_known_as_edited=st.booleans(),
)
def test_a15_no_votes_count_for_a_command_that_was_edited(
    sha: str,
    votes: list[Vote],
    is_known_as_edited: bool,
) -> None:
    """Whether the organization shows edits or hides them: the hash tells."""
    request = replace(APPROVAL, command=WRITTEN)
    now = SourceSeen(400, IAGO, sha, edited=is_known_as_edited, moved=False)
    verdict = judge(request, replace(seen(*votes), command=now), NOW, BOT)
    assert (verdict.state, verdict.reason) == (State.VOID, Cause.COMMAND_EDITED)


def _edited(talk: Conversation, cast: Cast, asked: int) -> None:
    talk.stage.zulip.edit(cast.iago, asked, "@**ops** whoami")


def test_a15_an_edit_at_any_point_starts_nothing_else(talk: Conversation, cast: Cast) -> None:
    """While it is planned, waits for consent, waits for its turn, runs, and has run."""

    def stale(job: Job) -> None:
        assert talk.reached(job.id, "stale").reason == "message_changed"
        assert talk.job(job.id).started_at is None

    with talk.backup_held():
        running = talk.ask(cast.iago, "backup now")
        first = talk.job_for(running)
        talk.react(cast.hamlet, talk.card(first.id).id)
        talk.wait_until_held()
        _edited(talk, cast, running)

        queued = talk.ask(cast.iago, "backup now")
        second = talk.job_for(queued)
        talk.react(cast.hamlet, talk.card(second.id).id)
        talk.reached(second.id, "queued")
        _edited(talk, cast, queued)
        stale(second)

        awaiting = talk.ask(cast.iago, "backup now")
        third = talk.job_for(awaiting)
        talk.card(third.id)
        _edited(talk, cast, awaiting)
        stale(third)

        planning = talk.ask(cast.iago, "backup now")
        fourth = talk.job_for(planning)
        _edited(talk, cast, planning)
        stale(fourth)
    done = talk.reached(first.id, "succeeded")
    assert (done.command, done.reason) == ("backup now", "done")
    with no_job(talk):
        _edited(talk, cast, running)
        assert talk.hear(cast.iago, "whoami")


def test_a16_an_old_message_is_edited_into_a_command(talk: Conversation, cast: Cast) -> None:
    said = talk.say(cast.iago, "Good morning")
    with no_job(talk):
        for number in range(EDITS):
            talk.stage.zulip.edit(cast.iago, said, f"@**ops** backup now --yes{' ' * number}.")
        talk.stage.zulip.edit(cast.iago, said, "@**ops** backup now --yes")
        assert took_no_notice(talk, said)
        # A gap is no way around it: then the message itself says that it was edited.
        with talk.without_bot():
            talk.stage.zulip.outages.lose_queues()
            later = talk.say(cast.iago, "Good night")
            talk.stage.zulip.edit(cast.iago, later, "@**ops** backup now --yes")
        assert reason_of(talk, later) == "not_a_command"


def test_a17_the_plan_is_changed_with_the_bots_key(talk: Conversation, cast: Cast) -> None:
    changed, other = waiting(talk, cast.iago), waiting(talk, cast.desdemona)
    card = talk.card(changed.id).id
    talk.stage.zulip.edit(cast.bot, card, "Nothing to see here.")
    assert talk.reached(changed.id, "stale").reason == "message_changed"
    assert talk.reached(other.id, "stale").reason == "key_compromise"
    incident = open_incident(talk, "key_compromise")
    assert f"My account changed the plan in message {card}" in incident.sentence
    assert reason_of(talk, talk.ask(cast.iago, "backup now")) == "key_compromise"
    talk.close_incidents()


def test_a18_a_message_is_moved_into_the_channel_while_the_bot_is_away(
    talk: Conversation, cast: Cast, lobby: Channel
) -> None:
    zulip = talk.stage.zulip
    with no_job(talk):
        with talk.without_bot():
            zulip.outages.lose_queues()
            said = zulip.post(cast.iago, lobby, "chatter", "@ops backup now --yes")
            zulip.move(cast.desdemona, said, channel=cast.ops, topic="moved here")
        assert reason_of(talk, said) == "not_a_command"


def test_a18_a_message_is_moved_into_the_channel_before_its_eyes(
    talk: Conversation, cast: Cast, lobby: Channel
) -> None:
    zulip = talk.stage.zulip
    with no_job(talk):
        said = zulip.post(cast.iago, lobby, "chatter", "@ops backup now --yes")
        zulip.move(cast.desdemona, said, channel=cast.ops, topic="moved here as well")
        assert took_no_notice(talk, said)


def test_a25_signs_of_the_shell_are_refused(talk: Conversation, cast: Cast) -> None:
    """From the message to the host: nothing of it is carried out by anybody on the way."""
    mark = talk.stage.folder / "pwned"
    said = [
        talk.ask(cast.iago, f"upgrade {form.format(mark)}")
        for form in (
            "9.4;touch {}",
            "$(touch {})",
            "`touch {}`",
            "9.4 | touch {}",
            "'; touch {} #'",
        )
    ]
    with no_job(talk):
        reasons = {reason_of(talk, one) for one in said}
    assert reasons == {"bad_argument"}
    assert not mark.exists()


def test_a27_nothing_that_somebody_writes_is_a_template(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    reason = "{0.__class__} {job!r} {{7*7}} %s %(job)s ${HOME} <%= 7*7 %>"
    asked = talk.ask(cast.desdemona, f"reject {job.id} {reason}")
    assert talk.reached(job.id, "rejected").reason == "rejected"
    assert f"`{reason}`" in talk.end_of(job.id).content
    assert reason_of(talk, asked) == "done"


def test_a31_nothing_of_the_locale_matters(talk: Conversation, cast: Cast) -> None:
    """The bot and its runs under `LC_ALL=C`, with words and file names that ASCII has not."""
    talk.stop_bot()
    talk.start_process(more={"LANG": "C", "LC_ALL": "C"})
    try:
        asked = talk.ask(cast.iago, "status größer", topic="Übersicht ✨")
        assert "U+00F6" in talk.answer_to(asked)
        assert reason_of(talk, asked) == "unreadable_text"
        job = waiting(talk, cast.iago)
        talk.react(cast.hamlet, talk.card(job.id).id)
        assert talk.reached(job.id, "succeeded").reason == "done"
        talk.end_of(job.id)
    finally:
        talk.stop_bot()
        talk.start_bot()
