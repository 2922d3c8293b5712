"""`drill`: consent, the evidence card, what a failed one leads to, and where proof is shown."""

from pathlib import Path

import pytest

from bot.demo.zulip.cast import Cast
from handlers.backups import catalogue
from state import incident_store
from state.job_store import Job
from tests.acceptance.conversation import CHECK, CROSS, EYES, Conversation

pytestmark = pytest.mark.story

NOTE = "Note the evidence in the store"


@pytest.fixture(scope="module")
def copy(talk: Conversation) -> str:
    """A verified copy, by its id."""
    job = talk.job_for(talk.ask(talk.stage.cast.iago, "backup now --yes"))
    return str(facts_of(talk.reached(job.id, "succeeded"))["snapshot"])


def facts_of(job: Job) -> dict[str, object]:
    assert job.outcome is not None
    facts = job.outcome["facts"]
    assert isinstance(facts, dict)
    return dict(facts)


def is_proven(talk: Conversation, copy: str) -> bool:
    [found] = [each for each in catalogue.list_snapshots(talk.stage.stores[0]) if each.id == copy]
    return found.standing.is_proven


def objects_of(talk: Conversation, copy: str) -> Path:
    directory = talk.stage.stores[0].path
    assert directory is not None
    return directory / "objects" / copy


def nothing_is_left(talk: Conversation) -> bool:
    directory = talk.stage.host.settings().drills.directory
    return {path.name for path in directory.iterdir()} == {"lock"}


def test_every_copy_is_unproven_until_a_drill_has_restored_it(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    talk.look_at_host()

    assert "verified in local; unproven" in talk.hear(cast.hamlet, "backups")
    status = talk.hear(cast.hamlet, "status")
    assert "**Drills**: **warning**: No copy was ever restored by a drill" in status


def test_the_plan_names_the_copy_and_says_what_it_takes(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    asked = talk.ask(cast.iago, "drill")
    job = talk.job_for(asked)
    card = talk.card(job.id).content

    assert f"Restore copy {copy} of job" in card
    assert "**routine**" in card
    assert "Zulip is not started on it." in card
    assert "- disk: `" in card
    assert "A drill changes nothing on the server" in card
    assert talk.marks(asked) == {EYES}
    talk.hear(cast.iago, f"cancel {job.id}")


def test_a_drill_proves_the_copy_and_posts_its_evidence(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    asked = talk.ask(cast.iago, "drill --yes")
    job = talk.reached(talk.job_for(asked).id, "succeeded")
    end = talk.end_of(job.id).content
    talk.wait_for_marks(asked, CHECK)

    assert f"Copy `{copy}` in local is proven: its database was back after " in end
    assert "- ✔ All 7 migrations are those of the commit record." in end
    assert "- **Database back after** " in end
    assert "it is the first quick drill in local" in end
    assert " to restore it" in end
    assert "- **Would be lost**: what came after <time:" in end
    assert "- Not checked: Zulip itself was not started on it" in end
    assert is_proven(talk, copy)
    assert nothing_is_left(talk)


def test_proof_is_shown_with_its_age(talk: Conversation, cast: Cast, copy: str) -> None:
    talk.look_at_host()

    assert "verified in local; proven in local " in talk.hear(cast.hamlet, "backups")
    asked = talk.ask(cast.hamlet, f"backup show {copy}")
    assert "; **proven**, a drill restored it <time:" in talk.end_of(talk.job_for(asked).id).content
    status = talk.hear(cast.hamlet, "status")
    assert f"restored copy {copy} from local." in status


def test_a_complete_drill_of_a_named_copy_says_more(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    job = talk.job_for(talk.ask(cast.iago, f"drill {copy} --complete --yes"))
    talk.reached(job.id, "succeeded")
    end = talk.end_of(job.id).content

    assert "pg_dump read every row of it." in end
    assert "uploads were taken out and are what was copied." in end


def test_the_negative_control_is_told_in_a_sentence(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "drill --negative-control --yes"))
    talk.reached(job.id, "succeeded")

    assert "Drills fail when they have to" in talk.end_of(job.id).content
    assert is_proven(talk, copy)
    assert talk.read(incident_store.open_incidents) == []


def test_who_may_not_take_a_backup_may_not_drill_one(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    jobs = len(talk.jobs())

    said = talk.hear(cast.hamlet, "drill")

    assert said.startswith("You may not run `drill`: it needs the role *operator*")
    assert len(talk.jobs()) == jobs


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("drill twelve", "`twelve`"),
        ("drill --store tape", "`--store` needs one of `local`, and `tape` is none."),
        ("drill --completely", "--complete"),
    ],
)
def test_a_bad_argument_is_named_and_makes_no_job(
    talk: Conversation, cast: Cast, command: str, said: str
) -> None:
    jobs = len(talk.jobs())

    assert said in talk.hear(cast.iago, command)
    assert len(talk.jobs()) == jobs


def test_a_copy_that_is_not_there_is_one_sentence(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "drill 4711 --yes")
    end = talk.end_of(talk.job_for(asked).id).content
    talk.wait_for_marks(asked, CROSS)

    assert "There is no copy of job #4711 in any store." in end


def test_its_end_is_told_although_the_bot_was_restarted(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "drill --yes"))
    talk.until(lambda: talk.job(job.id).status == "running", "it runs")
    talk.restart_bot()
    talk.reached(job.id, "succeeded")

    assert f"Copy `{copy}` in local is proven" in talk.end_of(job.id).content
    assert nothing_is_left(talk)


def test_a_tool_that_fails_is_no_verdict_on_the_copy(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    """The directory of the drills holds what no drill has made."""
    directory = talk.stage.host.settings().drills.directory
    foreign = directory / "notes.txt"
    foreign.touch()
    try:
        asked = talk.ask(cast.iago, "drill --yes")
        end = talk.end_of(talk.job_for(asked).id).content
    finally:
        foreign.unlink()

    assert "holds `notes.txt`, which no drill has made." in end
    assert is_proven(talk, copy)
    assert talk.read(incident_store.open_incidents) == []


def test_a_failed_drill_is_an_incident_and_the_copy_is_no_longer_proven(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    upload = next(objects_of(talk, copy).glob("uploads-*"))
    good = upload.read_bytes()
    upload.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        asked = talk.ask(cast.iago, "drill --complete --yes")
        job = talk.reached(talk.job_for(asked).id, "failed")
        end = talk.end_of(job.id).content
        talk.wait_for_marks(asked, CROSS)
        talk.settled()
    finally:
        upload.write_bytes(good)

    assert f"{upload.name} is not what was written." in end
    assert "Nothing of the drill is left." in end
    assert "Found before it failed:\n- ✔ All 7 migrations" in end
    [incident] = talk.read(incident_store.open_incidents)
    assert incident.kind == "drill_failed"
    assert incident.subject == f"{copy} in local"
    [told] = [
        message.content
        for message in talk.from_bot()
        if message.topic.startswith(f"incident #{incident.id}: drill failed")
    ]
    assert f"failed: copy `{copy}` in local is unproven." in told
    assert not is_proven(talk, copy)
    talk.look_at_host()
    assert "**a drill failed** in local" in talk.hear(cast.iago, "backups")
    assert "**Drills**: **critical**: " in talk.hear(cast.iago, "status")
    assert nothing_is_left(talk)


def test_after_the_next_drill_it_is_proven_again_and_a_person_closes_the_incident(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    # What was found damaged is read whole again first; then samples are not enough.
    verified = talk.job_for(talk.ask(cast.iago, f"backup verify {copy} --yes"))
    talk.reached(verified.id, "succeeded")
    assert not is_proven(talk, copy)
    job = talk.job_for(talk.ask(cast.iago, "drill --yes"))
    talk.reached(job.id, "succeeded")

    assert is_proven(talk, copy)
    assert "(before, newest first: " in talk.end_of(job.id).content
    assert len(talk.read(incident_store.open_incidents)) == 1
    talk.close_incidents()
    assert talk.read(incident_store.open_incidents) == []
    assert talk.audit_chain_holds()
