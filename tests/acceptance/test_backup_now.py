"""`backup now`: consent, the run, what is told of it, and the copy that lies in the stores."""

from datetime import timedelta

import pytest

from bot.demo.zulip.cast import Cast
from handlers.backups import catalogue
from tests.acceptance.conversation import CHECK, CROSS, EYES, STOP, Conversation


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    return ("local", "s3")


def verified_in(talk: Conversation, store: str) -> set[str]:
    """The verified snapshots, read from the store itself."""
    settings = next(one for one in talk.stage.stores if one.name == store)
    found = catalogue.list_snapshots(settings)
    return {one.id for one in found if one.standing.verified_at is not None}


def test_a_plan_comes_first_and_waits_in_a_topic_of_its_own(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    answer = talk.answer_to(asked)
    job = talk.job_for(asked)
    card = talk.card(job.id)
    waiting = talk.job(job.id)

    assert f"#{job.id}" in answer
    assert f"#**ops>backup now · #{job.id}**" in answer
    assert "✅" in answer
    assert card.topic == f"backup now · #{job.id}"
    assert f"@_**Iago|{cast.iago.id}**" in card.content
    assert "✅" in card.content
    assert str(talk.stage.folder / "backups") in card.content
    assert waiting.fingerprint is not None
    assert waiting.fingerprint in card.content
    assert waiting.status == "awaiting_approval"
    assert talk.marks(asked) == {EYES}
    assert talk.hear(cast.iago, f"cancel {job.id}").endswith("on the server was changed.")


def test_the_asker_confirms_and_the_copy_lies_in_both_stores(
    talk: Conversation, cast: Cast
) -> None:
    asked = talk.ask(cast.iago, "backup now")
    card = talk.card(talk.job_for(asked).id)
    talk.react(cast.iago, card.id)
    job = talk.reached(talk.job_for(asked).id, "succeeded")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)

    assert f"**Job #{job.id}** (`backup now`) succeeded" in end.content
    assert "is stored in local and s3, and was read back whole from both." in end.content
    assert "Zulip kept running" in end.content
    assert "Next: `@ops backups`" in end.content
    assert f"@**Iago|{cast.iago.id}**" in end.content
    assert job.outcome is not None
    facts = job.outcome["facts"]
    assert isinstance(facts, dict)
    for store in ("local", "s3"):
        assert facts["snapshot"] in verified_in(talk, store)
    assert talk.audit_chain_holds()


def test_its_topic_shows_the_steps_and_is_resolved(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    end = talk.end_of(job.id)
    talk.settled()
    topic = talk.in_topic_of(job.id)
    status = talk.message(talk.job(job.id).status_message_id or 0)

    assert {message.topic for message in topic} == {f"✔ backup now · #{job.id}"}
    assert [message.id for message in topic[:2]] == [status.id, end.id]
    assert "✔ Copy database, uploads and configuration" in status.content
    assert "✔ Read the copy in store s3 back to its end" in status.content
    assert "running" not in status.content


def test_yes_in_the_command_is_the_consent(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.desdemona, "backup now --yes")
    job = talk.reached(talk.job_for(asked).id, "succeeded")
    end = talk.end_of(job.id)

    assert job.card_message_id is None
    assert job.consent == "yes"
    assert f"@**Desdemona|{cast.desdemona.id}**" in end.content


def test_one_store_can_be_named(talk: Conversation, cast: Cast) -> None:
    before = verified_in(talk, "s3")
    asked = talk.ask(cast.iago, "backup now --to local --yes")
    job = talk.reached(talk.job_for(asked).id, "succeeded")
    end = talk.end_of(job.id)

    assert "is stored in local, and was read back whole." in end.content
    assert verified_in(talk, "s3") == before


def test_a_store_that_is_not_there_is_refused_with_those_that_are(
    talk: Conversation, cast: Cast
) -> None:
    before = len(talk.jobs())

    answer = talk.hear(cast.iago, "backup now --to tape")

    assert "`--to` needs one of `local`, `s3`, and `tape` is none." in answer
    assert "For example: `@ops backup now --to local`." in answer
    assert len(talk.jobs()) == before


def test_the_check_of_another_person_does_not_count(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    reads = len(card_reads(talk, card.id))
    talk.react(cast.desdemona, card.id)
    talk.until(lambda: len(card_reads(talk, card.id)) > reads, "the card is read")
    assert talk.hear(cast.iago, "whoami")
    assert talk.job(job.id).status == "awaiting_approval"

    talk.react(cast.iago, card.id)
    talk.reached(job.id, "succeeded")
    talk.end_of(job.id)


def test_the_cross_of_another_person_does_not_count(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)
    talk.react(cast.hamlet, card.id, "cross_mark")
    talk.until(lambda: bool(card_reads(talk, card.id)), "the card is read")
    assert talk.hear(cast.iago, "whoami")
    assert talk.job(job.id).status == "awaiting_approval"
    talk.react(cast.iago, card.id, "cross_mark")
    talk.reached(job.id, "rejected")


def test_the_cross_of_the_asker_ends_it(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    talk.react(cast.iago, talk.card(job.id).id, "cross_mark")
    talk.reached(job.id, "rejected")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, STOP)

    assert "Iago rejected it with ❌, so nothing was done." in end.content
    talk.settled()
    assert not end.topic.startswith("✔")
    # Consent that comes later changes nothing any more.
    talk.react(cast.iago, talk.card(job.id).id, "check")
    assert talk.hear(cast.iago, "whoami")
    assert talk.job(job.id).status == "rejected"


def test_an_edited_plan_is_stale(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    talk.stage.zulip.edit(cast.bot, card.id, card.content.replace("Back up", "Forget"))
    talk.react(cast.iago, card.id)
    talk.reached(job.id, "stale")

    assert "The plan message is no longer what was posted" in talk.end_of(job.id).content
    talk.wait_for_marks(asked, CROSS)
    talk.close_incidents()


def test_a_deleted_plan_is_stale(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.stage.zulip.delete(cast.desdemona, talk.card(job.id).id)
    talk.reached(job.id, "stale")
    assert "so nothing was done" in talk.end_of(job.id).content


def test_a_check_taken_away_while_it_waits_is_no_consent(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        first = talk.job_for(talk.ask(cast.desdemona, "backup now --yes --to local"))
        talk.wait_until_held()
        asked = talk.ask(cast.iago, "backup now")
        job = talk.job_for(asked)
        card = talk.card(job.id)
        talk.react(cast.iago, card.id)
        talk.reached(job.id, "queued")
        waits = waiting_notice(talk, job.id)
        talk.stage.zulip.unreact(cast.iago, card.id, "check")
        # Consent older than ten seconds is looked at again before the start.
        talk.let_pass(timedelta(seconds=11))
    talk.reached(first.id, "succeeded")
    talk.reached(job.id, "cancelled")

    assert f"Job #{job.id} waits for job #{first.id} (`backup now --to local --yes`)" in waits
    assert "✅ was taken back" in talk.end_of(job.id).content
    talk.wait_for_marks(asked, STOP)


def test_a_second_backup_waits_and_then_runs(talk: Conversation, cast: Cast) -> None:
    with talk.backup_held():
        first = talk.job_for(talk.ask(cast.desdemona, "backup now --yes"))
        talk.wait_until_held()
        second = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
        talk.reached(second.id, "queued")
        waits = waiting_notice(talk, second.id)
        status = talk.hear(cast.iago, "status")
        assert talk.job(second.id).status == "queued"
    one, two = talk.reached(first.id, "succeeded"), talk.reached(second.id, "succeeded")

    assert f"waits for job #{first.id}" in waits
    assert f"#{first.id} `backup now --yes` running" in status
    assert f"#{second.id} `backup now --yes` queued" in status
    assert one.ended_at is not None
    assert two.started_at is not None
    assert one.ended_at <= two.started_at


@pytest.mark.parametrize("who", ["hamlet", "cordelia"])
def test_who_lacks_the_role_is_told_which(talk: Conversation, cast: Cast, who: str) -> None:
    jobs = len(talk.jobs())
    asked = talk.ask(getattr(cast, who), "backup now --yes")
    answer = talk.answer_to(asked)

    assert answer.startswith("You may not run `backup now --yes`: it needs the role *operator*")
    assert ("*viewer*" in answer) == (who == "hamlet")
    assert "\n" not in answer
    assert len(talk.jobs()) == jobs


def waiting_notice(talk: Conversation, job_id: int) -> str:
    """What the topic of a job says of the one it waits for."""

    def said() -> str | None:
        told = [message.content for message in talk.in_topic_of(job_id)]
        return next((text for text in told if text.startswith(f"Job #{job_id} waits")), None)

    return talk.wait(said, "it is told for whom it waits")


def card_reads(talk: Conversation, message_id: int) -> list[object]:
    """How often the bot has read that message."""
    path = f"/api/v1/messages/{message_id}"
    return list(talk.stage.zulip.calls("GET", path, talk.stage.cast.bot))
