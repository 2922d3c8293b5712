"""Another person's ✅: who counts, until when, and what makes all of it void."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.people import Person, Role
from jobs.runs.fingerprint import SHORT
from state import approval_store
from state.job_store import Job
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CHECK, STOP, Conversation

POLICY = """
[policy.roles]
viewer = [{cordelia}, {polonius}]
operator = [{iago}, {desdemona}]
approver = [{desdemona}, {hamlet}, {polonius}, {bot}]
[policy.read]
ask = ["viewer", "operator", "approver"]
[policy.routine]
ask = ["operator"]
approve = ["operator", "approver"]
"""


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY)


def waiting(talk: Conversation, person: Person) -> Job:
    """A backup that waits for somebody else's ✅, its card posted."""
    job = talk.job_for(talk.ask(person, "backup now"))
    talk.card(job.id)
    return talk.reached(job.id, "awaiting_approval")


def topic_of(talk: Conversation, job: Job) -> str:
    return "\n".join(message.content for message in talk.in_topic_of(job.id))


def told(talk: Conversation, job: Job, sentence: str) -> None:
    talk.until(lambda: sentence in topic_of(talk, job), sentence)


def test_another_person_approves_and_it_runs(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    card = talk.card(job.id)

    assert "**To approve**: one of @**|4**, @**|6**, @**|8**, @**|9** reacts" in card.content
    assert f"or with `approve {job.id}`" in card.content
    talk.react(cast.hamlet, card.id)
    done = talk.reached(job.id, "succeeded")
    end = talk.end_of(job.id)

    assert f"approved by @_**|{cast.hamlet.id}**" in end.content
    assert talk.message(card.id).content == card.content
    assert done.fingerprint is not None
    assert done.fingerprint[:SHORT] in card.content
    talk.wait_for_marks(asked, CHECK)
    assert f"@_**|{cast.hamlet.id}**" in talk.hear(cast.iago, f"why {job.id}")
    assert "approved by @_**|6**" in talk.hear(cast.iago, f"job {job.id}")


def test_whoever_asked_is_not_another_person(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    talk.react(cast.iago, talk.card(job.id).id)

    told(talk, job, "whoever asked cannot be the other person")
    assert "another person has to approve it" in talk.hear(cast.iago, f"approve {job.id}")
    assert talk.job(job.id).status == "awaiting_approval"
    talk.react(cast.iago, talk.card(job.id).id, "cross_mark")
    assert talk.reached(job.id, "rejected").reason == "rejected"
    assert "Iago rejected it with ❌" in talk.end_of(job.id).content


@pytest.mark.parametrize("emoji", ["thumbs_up", "check_mark", "working_on_it"])
def test_only_one_emoji_means_yes(talk: Conversation, cast: Cast, emoji: str) -> None:
    job = waiting(talk, cast.iago)
    talk.react(cast.desdemona, talk.card(job.id).id, emoji)
    talk.settled()
    assert talk.job(job.id).status == "awaiting_approval"
    talk.hear(cast.iago, f"cancel {job.id}")


def test_who_is_in_no_list_does_not_count_and_is_told_so_once(
    talk: Conversation, cast: Cast
) -> None:
    job = waiting(talk, cast.iago)
    card = talk.card(job.id).id
    talk.react(cast.cordelia, card)
    told(talk, job, "the policy does not list them for this")
    talk.unreact(cast.cordelia, card)
    talk.react(cast.cordelia, card)
    talk.react(cast.polonius, card)
    told(talk, job, "that account is deactivated, a guest's or a bot's")

    assert topic_of(talk, job).count("does not list them") == 1
    assert "You may not approve" in talk.hear(cast.cordelia, f"approve {job.id}")
    talk.hear(cast.iago, f"cancel {job.id}")


def test_a_word_counts_like_a_reaction(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    listed = talk.hear(cast.cordelia, "approvals")
    assert f"#{job.id} `backup now` (routine), asked by @_**Iago|5**: 0 of 1" in listed
    noted = talk.hear(cast.hamlet, f"approve {job.id}")

    assert f"I count your approval of job #{job.id}" in noted
    talk.reached(job.id, "succeeded")
    assert "Nothing waits for approval." in talk.hear(cast.cordelia, "approvals")
    assert "succeeded already" in talk.hear(cast.hamlet, f"approve {job.id}")


def test_reject_ends_it_and_says_why(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    talk.card(job.id)
    said = talk.hear(cast.desdemona, f"reject {job.id} not before the `weekend`")
    assert "is rejected" in said
    assert talk.reached(job.id, "rejected").reason == "rejected"
    ended = talk.end_of(job.id).content
    assert "Desdemona rejected it: `` not before the `weekend` ``. Nothing was done." in ended
    talk.wait_for_marks(asked, STOP)


def test_a_word_of_consent_is_said_in_the_channel_alone(talk: Conversation, cast: Cast) -> None:
    job = waiting(talk, cast.iago)
    whispered = talk.whisper(cast.hamlet, f"approve {job.id}")
    assert "ask for it in #**ops**" in talk.answer_to(whispered)
    assert talk.job(job.id).status == "awaiting_approval"
    assert "There is no job #999." in talk.hear(cast.hamlet, "approve 999")
    talk.hear(cast.iago, f"cancel {job.id}")


def _edit_card(talk: Conversation, cast: Cast, job: Job, _asked: int) -> None:
    talk.stage.zulip.edit(cast.bot, talk.card(job.id).id, "Something harmless.")


def _edit_command(talk: Conversation, cast: Cast, _job: Job, asked: int) -> None:
    talk.stage.zulip.edit(cast.iago, asked, "@**ops** status")


def _move_command(talk: Conversation, cast: Cast, _job: Job, asked: int) -> None:
    talk.stage.zulip.move(cast.iago, asked, topic="elsewhere")


def _move_card(talk: Conversation, cast: Cast, job: Job, _asked: int) -> None:
    talk.stage.zulip.move(cast.desdemona, talk.card(job.id).id, topic="elsewhere")


def _delete_card(talk: Conversation, cast: Cast, job: Job, _asked: int) -> None:
    talk.stage.zulip.delete(cast.desdemona, talk.card(job.id).id)


def _delete_command(talk: Conversation, cast: Cast, _job: Job, asked: int) -> None:
    talk.stage.zulip.delete(cast.desdemona, asked)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_edit_card, "The plan message is no longer what was posted"),
        (_move_card, "The plan message was moved"),
        (_delete_card, "The plan message was deleted"),
        (_edit_command, "The message with the command was edited"),
        (_move_command, "The message with the command was moved"),
        (_delete_command, "The message with the command was deleted"),
    ],
)
def test_what_was_consented_to_must_stay_as_it_was(
    talk: Conversation,
    cast: Cast,
    change: Callable[[Conversation, Cast, Job, int], None],
    said: str,
) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    card = talk.card(job.id).id
    talk.reached(job.id, "awaiting_approval")
    change(talk, cast, job, asked)
    stale = talk.reached(job.id, "stale")

    assert (stale.reason, stale.started_at) == ("message_changed", None)
    assert stale.sentence == f"{said}, so nothing was done."
    if talk.stage.zulip.message(card) is not None:
        talk.react(cast.hamlet, card)
    talk.settled()
    assert talk.job(job.id).status == "stale"
    # Only whoever has the bot's key can change a plan.
    talk.close_incidents()


def test_a_deleted_word_of_consent_is_taken_back(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        first = waiting(talk, cast.iago)
        talk.react(cast.hamlet, talk.card(first.id).id)
        talk.wait_until_held()
        second = waiting(talk, cast.iago)
        word = talk.ask(cast.hamlet, f"approve {second.id}")
        talk.reached(second.id, "queued")
        told(talk, second, f"waits for job #{first.id}")
        talk.stage.zulip.delete(cast.desdemona, word)
        cancelled = talk.reached(second.id, "cancelled")
    talk.reached(first.id, "succeeded")
    assert cancelled.reason == "withdrawn"
    assert cancelled.sentence == (
        "The ✅ was taken back before the job started, so nothing was done."
    )


def test_a_cross_still_stops_what_waits_for_its_turn(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        first = waiting(talk, cast.iago)
        talk.react(cast.hamlet, talk.card(first.id).id)
        talk.wait_until_held()
        second = waiting(talk, cast.iago)
        talk.react(cast.hamlet, talk.card(second.id).id)
        talk.reached(second.id, "queued")
        talk.react(cast.desdemona, talk.card(second.id).id, "cross_mark")
        stopped = talk.reached(second.id, "cancelled")
    talk.reached(first.id, "succeeded")
    assert stopped.reason == "rejected"


def test_a_vote_of_somebody_deactivated_since_does_not_start_anything(
    talk: Conversation, cast: Cast
) -> None:
    zulip = talk.stage.zulip
    with talk.backup_held():
        first = waiting(talk, cast.iago)
        talk.react(cast.desdemona, talk.card(first.id).id)
        talk.wait_until_held()
        second = waiting(talk, cast.iago)
        talk.react(cast.hamlet, talk.card(second.id).id)
        talk.reached(second.id, "queued")
        zulip.deactivate(cast.hamlet)
        talk.let_pass(timedelta(seconds=11))
    try:
        talk.reached(first.id, "succeeded")
        assert talk.reached(second.id, "cancelled").reason == "withdrawn"
    finally:
        zulip.reactivate(cast.hamlet)


def test_a_vote_of_a_guest_does_not_count_whatever_they_were(
    talk: Conversation, cast: Cast
) -> None:
    job = waiting(talk, cast.iago)
    talk.stage.zulip.change_role(cast.hamlet, Role.GUEST)
    try:
        talk.react(cast.hamlet, talk.card(job.id).id)
        told(talk, job, "that account is deactivated, a guest's or a bot's")
        assert talk.job(job.id).status == "awaiting_approval"
    finally:
        talk.stage.zulip.change_role(cast.hamlet, Role.MEMBER)
    talk.hear(cast.iago, f"cancel {job.id}")


def test_nobody_reacts_in_time(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    card = talk.card(job.id).id
    talk.let_pass(timedelta(minutes=61))
    assert talk.reached(job.id, "expired").reason == "expired"
    talk.react(cast.hamlet, card)
    talk.settled()
    assert talk.job(job.id).status == "expired"
    talk.wait_for_marks(asked, STOP)


def test_a_reaction_while_the_bot_was_away_counts_when_it_is_back(
    talk: Conversation, cast: Cast
) -> None:
    job = waiting(talk, cast.iago)
    card = talk.card(job.id).id
    with talk.without_bot():
        talk.react(cast.hamlet, card)
    talk.reached(job.id, "succeeded")


def test_another_policy_voids_what_waits_and_is_in_force_at_once(
    talk: Conversation, cast: Cast
) -> None:
    job = waiting(talk, cast.iago)
    file = talk.stage.configuration
    before = file.read_text()
    file.write_text(before.replace("approver = [", "approver = [7, "))
    try:
        talk.react(cast.hamlet, talk.card(job.id).id)
        stale = talk.reached(job.id, "stale")
        assert (stale.reason, stale.started_at) == ("policy_changed", None)
        assert "The policy was changed after the plan was shown" in talk.end_of(job.id).content
        assert "@_**|7**" in talk.hear(cast.iago, "policy")
        file.write_text(before + "\n[policy.nonsense]\n")
        refused = talk.hear(cast.iago, "backup now")
        assert "Nobody may run `backup now` here" in refused
    finally:
        file.write_text(before)
    again = waiting(talk, cast.iago)
    request = talk.read(lambda tx: approval_store.get(tx, again.id))
    assert request is not None
    assert request.approvers == [4, 5, 6, 8, 9]
    talk.hear(cast.iago, f"cancel {again.id}")


def test_the_policy_explains_itself(talk: Conversation, cast: Cast) -> None:
    shown = talk.hear(cast.cordelia, "policy")
    assert "- role *approver*: @_**|4**, @_**|6**, @_**|8** and @_**|9**" in shown
    assert (
        "- **routine**: *operator* may ask; 1 person approves (*operator* or *approver*;" in shown
    )
    assert "- **destructive**: nobody may ask" in shown


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            'policy test @**Iago** "backup now"',
            "They may ask for it, as *operator*.\n"
            "- 1 of @_**|4** and @_**|6** approve with ✅, within 1 h.",
        ),
        ('policy test @**Hamlet** "backup now"', "They may not ask for it"),
        ('policy test @**Cordelia|7** "status"', "It changes nothing and starts at once."),
        ('policy test 8 "status"', "that account is deactivated, a guest's or a bot's"),
        ('policy test @**Nobody Atall** "status"', "No role of the policy lists this person"),
        ('policy test @**Iago** "bakup now"', "There is no command"),
        ("policy test @**Iago**", "`policy test` needs a command in quotes."),
        ('policy test Iago "status"', "needs somebody, mentioned like"),
        ("why 999", "There is no job #999."),
        ("approve twelve", "`approve` needs a job's number"),
    ],
)
def test_a_decision_is_explained_without_asking_for_anything(
    talk: Conversation, cast: Cast, asked: str, said: str
) -> None:
    jobs = len(talk.jobs())
    assert said in talk.hear(cast.cordelia, asked)
    assert len(talk.jobs()) == jobs


def test_nobody_could_approve(talk: Conversation, cast: Cast) -> None:
    """Said at once, not after a plan and an hour of waiting."""
    file = talk.stage.configuration
    before = file.read_text()
    file.write_text(
        before.replace('approve = ["operator", "approver"]', "approve = []\npeople = 1")
    )
    try:
        # Routine without approvers is the asker's own to confirm.
        job = talk.job_for(talk.ask(cast.iago, "backup now"))
        assert "**To confirm**: @_**Iago|5**" in talk.card(job.id).content
        talk.hear(cast.iago, f"cancel {job.id}")
        file.write_text(
            before.replace(
                'approve = ["operator", "approver"]', 'approve = ["approver"]\npeople = 9'
            )
        )
        refused = talk.hear(cast.iago, "backup now")
    finally:
        file.write_text(before)
    assert "so 9 other people would have to approve it" in refused
    assert "*approver* lists too few besides you" in refused


def test_the_plan_is_one_message_however_many_may_approve(talk: Conversation, cast: Cast) -> None:
    file = talk.stage.configuration
    before = file.read_text()
    many = ", ".join(str(one) for one in (*range(100_000, 100_500), cast.hamlet.id))
    start = before.index("approver = [")
    end = before.index("]", start)
    file.write_text(f"{before[:start]}approver = [{many}{before[end:]}")
    try:
        job = waiting(talk, cast.iago)
        card = talk.card(job.id)
        assert "others, whom `policy` lists, reacts with ✅ to this message" in card.content
        assert card.content.endswith(
            f"\n\nPlan `{job.fingerprint}`, for short its first {SHORT} characters."
        )
        talk.react(cast.hamlet, card.id)
        talk.reached(job.id, "succeeded")
        assert f"approved by @_**|{cast.hamlet.id}**" in talk.end_of(job.id).content
    finally:
        file.write_text(before)
