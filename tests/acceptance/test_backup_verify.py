"""`backup verify`: a copy is read where it lies, store by store; damage is told and remembered."""

from pathlib import Path

import pytest

from bot.demo.sample_host.host import Extent
from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from handlers.backups import catalogue
from state.job_store import Job
from tests.acceptance.conversation import CHECK, CROSS, Conversation

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=Extent(messages=40, uploads=5))


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    return ("local", "s3")


@pytest.fixture(scope="module")
def backed_up(talk: Conversation) -> Job:
    job = talk.job_for(talk.ask(talk.stage.cast.iago, "backup now --yes"))
    return talk.reached(job.id, "succeeded")


def snapshot_of(job: Job) -> str:
    assert job.outcome is not None
    facts = job.outcome["facts"]
    assert isinstance(facts, dict)
    return str(facts["snapshot"])


def test_a_copy_is_read_in_every_store_after_a_yes_to_the_plan(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    asked = talk.ask(cast.iago, f"backup verify {backed_up.id}")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    assert f"Snapshot `{snapshot_of(backed_up)}` of job #{backed_up.id}" in card.content
    assert "in local and s3" in card.content
    assert "Nothing on the server is touched" in card.content

    talk.react(cast.iago, card.id)
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)

    assert f"Snapshot `{snapshot_of(backed_up)}` of job #{backed_up.id} is what was" in end.content
    assert "In local it was read back whole (4 objects, " in end.content
    assert "In s3 it was read back whole (4 objects, " in end.content
    assert f"`@ops backup show {snapshot_of(backed_up)}`" in end.content


def test_it_goes_on_although_the_bot_was_restarted(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    job = talk.job_for(talk.ask(cast.iago, f"backup verify {backed_up.id} --store s3 --yes"))
    talk.restart_bot()

    said = talk.end_of(job.id).content
    assert "In s3 it was read back whole" in said
    assert "local" not in said


def test_damage_in_one_store_fails_the_job_and_names_both(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    snapshot, local = snapshot_of(backed_up), talk.stage.folder / "backups"
    path = Path(local, "objects", snapshot, "uploads-000001")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    asked = talk.ask(cast.iago, f"backup verify {snapshot} --yes")
    job = talk.reached(talk.job_for(asked).id, "failed")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CROSS)

    assert "is damaged in local. In local it is DAMAGED. Store local: objects/" in end.content
    assert "In s3 it was read back whole" in end.content
    assert "Until then rely on the copy in s3." in end.content
    talk.look_at_host()
    listed = talk.hear(cast.iago, "backups")
    assert "verified in s3; **damaged** in local" in listed
    assert "Backups**: **critical**" in talk.hear(cast.iago, "status")
    # Neither copy was touched, and the next one does not build on the damaged one.
    assert [each.id for each in catalogue.list_snapshots(talk.stage.stores[0])] == [snapshot]
    talk.reached(talk.job_for(talk.ask(cast.iago, "backup now --yes")).id, "succeeded")
    newest = catalogue.list_snapshots(talk.stage.stores[0])[0]
    record = catalogue.snapshot(talk.stage.stores[0], newest.id)
    assert set(record.uploads.held_by) == {newest.id}


def test_a_copy_that_is_not_there_is_one_sentence(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup verify 4711")
    end = talk.end_of(talk.job_for(asked).id)
    talk.wait_for_marks(asked, CROSS)

    assert "There is no copy of job #4711 in any store." in end.content


def test_a_bad_argument_is_named_and_makes_no_job(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())

    assert "`twelve`" in talk.hear(cast.iago, "backup verify twelve")
    assert "backup verify 12" in talk.hear(cast.iago, "backup verify")
    assert len(talk.jobs()) == jobs


def test_a_store_that_does_not_exist_is_refused_with_those_that_do(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    jobs = len(talk.jobs())

    said = talk.hear(cast.iago, f"backup verify {backed_up.id} --store moon")

    assert "`--store` needs one of `local`, `s3`, and `moon` is none." in said
    assert len(talk.jobs()) == jobs


def test_who_may_only_read_is_told_so(talk: Conversation, cast: Cast, backed_up: Job) -> None:
    jobs = len(talk.jobs())

    said = talk.hear(cast.hamlet, f"backup verify {backed_up.id}")

    assert f"You may not run `backup verify {backed_up.id}`" in said
    assert len(talk.jobs()) == jobs
