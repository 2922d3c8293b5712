"""Whoever starts runs keeps the grant of each schedule that was consented to, while that holds."""

import json
from contextlib import closing
from datetime import timedelta

import pytest

from bot.demo.zulip.cast import Cast
from jobs.launching.grant import Grant
from jobs.launching.grant_ledger import GRANTS_FILE, GrantLedger
from jobs.launching.keeping_grants import GRANTED
from state import installation, schedule_store
from state.database import open_database
from state.job_store import Job
from state.schedule_store import Schedule
from tests.acceptance.conversation import Conversation

ADD = '"backup now" --cron "30 2 * * *" --tz Europe/Berlin'


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    return ("local",)


def ledger(talk: Conversation) -> GrantLedger:
    return GrantLedger(talk.stage.state / GRANTS_FILE)


def grant(talk: Conversation, name: str) -> Grant:
    return talk.wait(lambda: ledger(talk).grants().get(name), f"the grant of {name}")


def until_revoked(talk: Conversation, name: str) -> None:
    talk.until(lambda: name not in ledger(talk).grants(), f"{name} is revoked")


def row(talk: Conversation, name: str) -> Schedule:
    found = talk.read(lambda tx: schedule_store.get(tx, name))
    assert found is not None
    return found


def agreed(talk: Conversation, command: str) -> Job:
    """With Iago's ✅ on the plan."""
    iago = talk.stage.cast.iago
    job = talk.job_for(talk.ask(iago, command))
    talk.react(iago, talk.card(job.id).id)
    return talk.reached(job.id, "succeeded")


def test_a_grant_comes_with_consent_and_goes_with_the_schedule(
    talk: Conversation, cast: Cast
) -> None:
    job = agreed(talk, f"schedule add Nightly.1 {ADD}")
    first = grant(talk, "Nightly.1")
    kept = row(talk, "Nightly.1")
    assert first == Grant(
        schedule="Nightly.1",
        command="backup now",
        cron="30 2 * * *",
        tz="Europe/Berlin",
        policy_sha256=kept.policy_sha256 or "",
        epoch=job.epoch,
        message_id=job.card_message_id or 0,
    )
    changed = agreed(talk, 'schedule change Nightly.1 --cron "0 4 * * *"')
    talk.until(lambda: grant(talk, "Nightly.1") != first, "another grant")
    second = grant(talk, "Nightly.1")
    assert (second.cron, second.message_id) == ("0 4 * * *", changed.card_message_id)

    talk.hear(cast.iago, "schedule pause Nightly.1")
    talk.hear(cast.iago, "schedule resume Nightly.1")
    assert grant(talk, "Nightly.1") == second
    talk.hear(cast.iago, "schedule remove Nightly.1")
    until_revoked(talk, "Nightly.1")


def test_of_a_command_with_yes_the_grant_names_the_command(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, f"schedule add byword {ADD} --yes")
    talk.reached(talk.job_for(asked).id, "succeeded")
    assert grant(talk, "byword").message_id == asked
    talk.hear(cast.iago, "schedule remove byword")
    until_revoked(talk, "byword")


def test_what_a_crash_left_undone_is_made_up_for_at_the_start(
    talk: Conversation, cast: Cast
) -> None:
    agreed(talk, f"schedule add lost {ADD}")
    lost = grant(talk, "lost")
    with talk.without_bot():
        ledger(talk).file.unlink()
    assert grant(talk, "lost") == lost

    agreed(talk, f"schedule add gone {ADD}")
    gone = grant(talk, "gone")
    talk.hear(cast.iago, "schedule remove gone")
    until_revoked(talk, "gone")
    with talk.without_bot():
        # As if the bot had died between the row and the launcher: still granted, still noted.
        ledger(talk).grant(gone)
        _note_as_granted(talk, "gone", "lost")
    until_revoked(talk, "gone")
    assert grant(talk, "lost") == lost
    talk.hear(cast.iago, "schedule remove lost")
    until_revoked(talk, "lost")


def _note_as_granted(talk: Conversation, *names: str) -> None:
    database = open_database(talk.stage.state / "zulip-ops.db")
    with closing(database), database.write() as tx:
        installation.put(tx, GRANTED, json.dumps(sorted(names)))


def test_what_root_wrote_into_the_file_has_no_grant(talk: Conversation, cast: Cast) -> None:
    agreed(talk, f"schedule add shared {ADD}")
    grant(talk, "shared")
    path = talk.stage.configuration
    before = path.read_text()
    with talk.without_bot():
        path.write_text(
            before + '[[schedules]]\nname = "shared"\ncommand = "status"\ncron = "0 5 * * *"\n'
        )
    until_revoked(talk, "shared")
    with talk.without_bot():
        path.write_text(before)
    assert ledger(talk).grants() == {}


def test_a_ledger_that_cannot_be_written_stops_nothing_and_is_made_up_for(
    talk: Conversation, cast: Cast
) -> None:
    damaged = ledger(talk).file
    damaged.write_text("not what it was")
    job = agreed(talk, f"schedule add patient {ADD}")
    assert talk.hear(cast.iago, "whoami").startswith("You are ")
    assert row(talk, "patient").job_id == job.id
    assert damaged.read_text() == "not what it was"
    damaged.unlink()
    talk.let_pass(timedelta(0))
    assert grant(talk, "patient").epoch == job.epoch
    talk.hear(cast.iago, "schedule remove patient")
    until_revoked(talk, "patient")


def test_consent_of_an_earlier_epoch_is_void_and_can_be_given_anew(
    talk: Conversation, cast: Cast
) -> None:
    job = agreed(talk, f"schedule add nightly {ADD}")
    first = grant(talk, "nightly")
    newest = talk.say(cast.hamlet, "Good morning", topic="lobby")
    talk.stage.zulip.outages.rewind_message_ids(newest + 10_000)
    assert talk.hear(cast.iago, "whoami")
    talk.settled()
    talk.stage.zulip.outages.restore_backup(newest + 5_000)
    talk.until(lambda: talk.read(installation.epoch) == job.epoch + 1, "a new epoch")
    until_revoked(talk, "nightly")
    talk.settled()
    said = [message.content for message in talk.stage.zulip.messages(cast.ops, "schedule: nightly")]
    assert said[-1] == (
        f"@**|{cast.iago.id}** The schedule **nightly** (`backup now`) is suspended: Zulip's "
        "database was put back since it was agreed to. It starts nothing until somebody agrees to "
        "it anew, with `@ops schedule change nightly`."
    )
    (told,) = [m.content for m in talk.from_bot() if f"**Epoch {job.epoch + 1} begins" in m.content]
    assert "- Suspended until they are consented to anew: `nightly`." in told
    assert "does not hold any more: Zulip's" in talk.hear(cast.iago, "schedule resume nightly")
    assert "does not hold any more: Zulip's" in talk.hear(cast.iago, "schedule run nightly")

    jobs = len(talk.jobs())
    talk.let_pass(timedelta(days=1))
    assert "Suspended: Zulip's database" in talk.hear(cast.iago, "schedules")
    assert len(talk.jobs()) == jobs

    again = agreed(talk, "schedule change nightly")
    talk.until(lambda: grant(talk, "nightly") != first, "a new grant")
    assert grant(talk, "nightly").epoch == again.epoch == job.epoch + 1
    talk.let_pass(timedelta(days=1))
    talk.until(lambda: talk.jobs()[0].origin == "schedule", "it runs")
    talk.reached(talk.jobs()[0].id, "succeeded")
    talk.hear(cast.iago, "schedule remove nightly")
    until_revoked(talk, "nightly")
