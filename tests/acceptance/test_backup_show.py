"""`backup show` of a sealed copy: what is in it, who can open it, how it is restored by hand."""

import re

import pytest

from bot.demo.sample_host.host import Extent
from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.model.people import Person
from handlers.host.age import Identity, key_id
from state.job_store import Job
from tests.acceptance.conversation import CHECK, CROSS, Conversation

RECOVERY = Identity.generate().recipient
SEALED = f'[backup.keys]\nrecovery = ["{RECOVERY}"]'


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=Extent(messages=40, uploads=5), more_configuration=SEALED)


@pytest.fixture(scope="module")
def backed_up(talk: Conversation) -> Job:
    job = talk.job_for(talk.ask(talk.stage.cast.iago, "backup now --yes --to local"))
    return talk.reached(job.id, "succeeded")


def shown(talk: Conversation, person: Person, command: str) -> str:
    """What the job of a read command ends with."""
    asked = talk.ask(person, command)
    job = talk.job_for(asked)
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)
    return end.content


def snapshot_of(job: Job) -> str:
    assert job.outcome is not None
    facts = job.outcome["facts"]
    assert isinstance(facts, dict)
    return str(facts["snapshot"])


def test_a_copy_is_shown_whole_to_whoever_may_read(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    said = shown(talk, cast.hamlet, f"backup show {backed_up.id}")

    snapshot = snapshot_of(backed_up)
    assert f"Copy `{snapshot}` of job #{backed_up.id} lies in local." in said
    assert re.search(r"- Taken <time:\S+> by job #\d+, in ", said)
    assert re.search(
        r"- In \*\*local\*\* \(`.+`\): verified, its content was last read <time", said
    )
    assert "- Zulip 9.2, PostgreSQL " in said
    assert f"- Sealed to the recovery key `{key_id(RECOVERY)}`\n" in said
    assert "- Not in it: PostgreSQL's other databases" in said
    assert f"By hand: `@ops backup show {snapshot} --by-hand`" in said
    assert "@**Hamlet|" in said


def test_by_hand_comes_as_lines_to_copy(talk: Conversation, cast: Cast, backed_up: Job) -> None:
    snapshot = snapshot_of(backed_up)

    said = shown(talk, cast.iago, f"backup show {snapshot} --by-hand")

    commands = said.split("```bash\n")[1].split("```")[0].splitlines()
    assert f"copies={talk.stage.folder / 'backups'}" in commands
    assert f"objects {snapshot} configuration | zstd -dc | tar -x" in commands
    assert "[hidden]" not in said


def test_the_plan_says_to_whom_and_the_next_copy_builds_on_this_one(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    asked = talk.ask(cast.iago, "backup now --to local")
    card = talk.card(talk.job_for(asked).id)
    assert f"sealed to: `{key_id(RECOVERY)}`" in card.content

    talk.react(cast.iago, card.id)
    end = talk.end_of(talk.job_for(asked).id)

    assert "uploads (0 new)" in end.content
    assert f"It is sealed to the recovery key `{key_id(RECOVERY)}`." in end.content


@pytest.mark.parametrize("copy", ["4711", "20261123T150200Z-0123abcd"])
def test_a_copy_that_is_not_there_is_one_sentence(
    talk: Conversation, cast: Cast, copy: str
) -> None:
    asked = talk.ask(cast.iago, f"backup show {copy}")
    end = talk.end_of(talk.job_for(asked).id)
    talk.wait_for_marks(asked, CROSS)

    assert f"{copy}" in end.content
    assert "There is no copy" in end.content
    assert "`backups` lists them" in end.content


def test_a_bad_argument_is_named_and_makes_no_job(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())

    assert "`twelve`" in talk.hear(cast.iago, "backup show twelve")
    assert "backup show 12" in talk.hear(cast.iago, "backup show")
    assert len(talk.jobs()) == jobs


def test_who_may_not_read_is_told_so(talk: Conversation, cast: Cast, backed_up: Job) -> None:
    jobs = len(talk.jobs())

    said = talk.hear(cast.cordelia, f"backup show {backed_up.id}")

    assert f"You may not run `backup show {backed_up.id}`" in said
    assert len(talk.jobs()) == jobs


def test_with_the_store_away_its_reason_is_told(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    with talk.local_store_unusable():
        asked = talk.ask(cast.iago, f"backup show {backed_up.id}")
        end = talk.end_of(talk.job_for(asked).id)

    assert "No store that can be read has a copy" in end.content
    assert "Store local" in end.content


def test_it_is_shown_although_the_bot_was_restarted(
    talk: Conversation, cast: Cast, backed_up: Job
) -> None:
    asked = talk.ask(cast.iago, f"backup show {backed_up.id}")
    job = talk.job_for(asked)
    talk.restart_bot()

    assert f"Copy `{snapshot_of(backed_up)}`" in talk.end_of(job.id).content
