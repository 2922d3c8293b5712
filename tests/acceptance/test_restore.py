"""Restore as conversations: two other people and a delay, Zulip away and back, a new epoch."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.demo.sample_host.scripts.controls import Manners
from bot.demo.stage import Wish
from bot.demo.zulip.cast import Cast
from state import installation
from state.job_store import Job
from tests.acceptance.conftest import SMALL
from tests.acceptance.conversation import CHECK, CROSS, Conversation

pytestmark = pytest.mark.story

SERVER = "chat.example.org"
POLICY = """
[policy.roles]
viewer = [{cordelia}]
operator = [{iago}]
approver = [{desdemona}, {hamlet}]
[policy.read]
ask = ["viewer", "operator", "approver"]
[policy.routine]
ask = ["operator"]
yes = true
[policy.destructive]
ask = ["operator"]
approve = ["approver"]
"""


@pytest.fixture(scope="module")
def wish() -> Wish:
    return Wish(extent=SMALL, policy=POLICY, mirrored=True)


@pytest.fixture(autouse=True)
def well_behaved(talk: Conversation) -> Iterator[None]:
    yield
    talk.stage.host.behave(Manners())


@pytest.fixture
def copy(talk: Conversation, cast: Cast) -> int:
    """The job of a copy that holds everything said until now."""
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    return talk.reached(job.id, "succeeded").id


def agreed(talk: Conversation, copy: int) -> Job:
    """Iago asks; Desdemona and Hamlet say ✅, and the delay has passed."""
    cast = talk.stage.cast
    job = talk.job_for(talk.ask(cast.iago, f"restore {copy} --server {SERVER}"))
    card = talk.card(job.id)
    for person in (cast.desdemona, cast.hamlet):
        talk.react(person, card.id)
    talk.reached(job.id, "arming")
    talk.let_pass(timedelta(seconds=61))
    return job


def epoch(talk: Conversation) -> int:
    return talk.read(installation.epoch)


def ends_told(talk: Conversation, job: Job) -> int:
    """Wherever in Zulip: what was said before the copy's end is gone."""
    said = [message.content for message in talk.from_bot()]
    return len([text for text in said if f"**Job #{job.id}** (`restore" in text])


def newest_in_database(talk: Conversation) -> int:
    assert talk.stage.host.database is not None
    return talk.stage.host.database.newest_message()


def test_two_others_agree_and_what_was_said_since_is_gone(
    talk: Conversation, cast: Cast, copy: int, caplog: pytest.LogCaptureFixture
) -> None:
    number = epoch(talk)
    later = talk.say(cast.hamlet, "This will be forgotten.", topic="lunch")
    waiting = talk.job_for(talk.ask(cast.iago, "backup now"))
    talk.card(waiting.id)
    job = agreed(talk, copy)
    card = talk.card(job.id).content
    assert "Restore database and uploads of copy" in card
    assert "**destructive**" in card
    assert f"server: `{SERVER}`" in card
    assert re.search(rf"kept as \*\*database\*\*: `zulip_\w+_before_{job.id}`", card)
    assert "two of" in card or "each of" in card

    done = talk.reached(job.id, "succeeded")
    end = talk.end_of(job.id)
    talk.until(lambda: epoch(talk) == number + 1, "a new epoch")
    talk.reached(waiting.id, "stale")
    facts = (done.outcome or {}).get("facts")
    assert isinstance(facts, dict)
    assert int(str(facts["lost_messages"])) > 0
    assert "Database and uploads of copy" in end.content
    assert re.search(r"It did not answer for [0-9.]+ s: measured from outside", end.content)
    assert "so a new epoch begins, and what waited for consent is void." in end.content
    assert "is kept until a person drops it on the host, as root: `" in end.content
    found = talk.stage.zulip.message(later)
    assert found is None or found.content != "This will be forgotten."
    assert newest_in_database(talk) < later + 50
    assert ends_told(talk, job) == 1
    assert talk.audit_chain_holds()
    assert talk.hear(cast.iago, "whoami").startswith("You are ")
    assert talk.lock_is_free()
    assert "will not be sent" not in caplog.text, "nothing was sent to a number of before"


def test_the_plan_is_for_whoever_may_read(talk: Conversation, cast: Cast, copy: int) -> None:
    asked = talk.ask(cast.cordelia, f"restore plan {copy}")
    end = talk.end_of(talk.job_for(asked).id).content
    talk.wait_for_marks(asked, CHECK)

    assert f"of job #{copy}: It can be restored here." in end
    assert "- ✔ The copy is of Zulip 9.2, as deployed." in end
    assert re.search(r"- Would be lost: [0-9]+ messages, written in ", end)
    assert "No drill has restored it." in end
    assert re.search(r"To restore it: `@ops restore \S+ --server NAME`", end)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("restore", "`restore` needs the number of the job that made it, or its id."),
        ("restore 12", "`--server` is missing."),
        ("restore twelve --server chat.example.org", "`twelve` is none"),
        ("restore 12 --server chat_example", "`--server` needs a word like `chat.example.org`"),
        ("restore 12 --server x.org --only config", "needs one of `database`, `uploads`"),
        ("restore 12 --server x.org --identity key", "`--identity` needs a word like"),
        (
            "restore 12 --server x.org --identity /root/key",
            "`--identity` is taken on the host alone, never from chat.",
        ),
        ("restore plan", "`restore plan` needs the number of the job"),
        ('schedule add x "restore 12 --server x.org" --cron "0 2 * * *"', "makes no sense in a"),
    ],
)
def test_what_is_typed_wrongly_makes_no_job(
    talk: Conversation, cast: Cast, command: str, said: str
) -> None:
    jobs = len(talk.jobs())
    assert said in talk.hear(cast.iago, command)
    assert len(talk.jobs()) == jobs


def test_who_may_not_restore_is_told_so(talk: Conversation, cast: Cast) -> None:
    jobs = len(talk.jobs())
    said = talk.hear(cast.cordelia, f"restore 1 --server {SERVER}")
    assert "You may not run `restore 1 --server chat.example.org`" in said
    said = talk.hear(cast.iago, f"restore 1 --server {SERVER} --yes")
    assert "The policy does not allow `--yes` for destructive commands." in said
    assert len(talk.jobs()) == jobs


def test_the_name_of_another_server_ends_it_before_anybody_is_asked(
    talk: Conversation, cast: Cast, copy: int
) -> None:
    asked = talk.ask(cast.iago, f"restore {copy} --server chat.example.com")
    job = talk.job_for(asked)
    end = talk.end_of(job.id).content
    talk.wait_for_marks(asked, CROSS)

    assert talk.job(job.id).card_message_id is None
    assert "This server is chat.example.org, and you typed chat.example.com." in end
    assert "Nothing was changed." in end


def test_a_tool_that_fails_leaves_everything_as_it_was(
    talk: Conversation, cast: Cast, copy: int
) -> None:
    number, said = epoch(talk), talk.say(cast.hamlet, "This stays.", topic="lunch")
    talk.stage.host.behave(Manners(fail_at="Purging queue"))
    job = agreed(talk, copy)

    talk.reached(job.id, "failed")
    end = talk.end_of(job.id).content
    assert "`manage.py` ended with exit code 1." in end
    assert "The state from before was brought back, and Zulip started again." in end
    assert "Put right what failed, then ask for it again." in end
    assert talk.message(said).content == "This stays."
    assert epoch(talk) == number
    talk.until(lambda: newest_in_database(talk) >= said, "it is in the database")


def test_a_bot_that_is_restarted_in_between_tells_it_all_the_same(
    talk: Conversation, cast: Cast, copy: int
) -> None:
    job = talk.job_for(talk.ask(cast.iago, f"restore {copy} --server {SERVER}"))
    talk.react(cast.desdemona, talk.card(job.id).id)
    talk.restart_bot()
    talk.react(cast.hamlet, talk.card(job.id).id)
    talk.reached(job.id, "arming")
    with talk.backup_held():
        talk.let_pass(timedelta(seconds=61))
        talk.wait_until_held()
        talk.restart_bot()
    talk.reached(job.id, "succeeded")

    assert "Database and uploads of copy" in talk.end_of(job.id).content
    assert ends_told(talk, job) == 1
    assert talk.hear(cast.iago, "whoami").startswith("You are ")


def test_no_more_than_the_plan_said_is_restored_after_an_objection(
    talk: Conversation, cast: Cast, copy: int
) -> None:
    job = talk.job_for(talk.ask(cast.iago, f"restore {copy} --server {SERVER}"))
    card = talk.card(job.id)
    talk.react(cast.desdemona, card.id)
    talk.react(cast.hamlet, card.id)
    talk.reached(job.id, "arming")
    talk.react(cast.hamlet, card.id, "cross_mark")
    talk.reached(job.id, "rejected")
    assert "so nothing was done." in talk.end_of(job.id).content
