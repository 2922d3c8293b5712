"""Whoever starts runs keeps the grant of each schedule that was consented to, while that holds."""

import json
from contextlib import closing
from datetime import timedelta

import pytest

from bot.demo.zulip.cast import Cast
from bot.dispatching.grants import GRANTED
from jobs.launching.grant import Grant
from jobs.launching.grant_ledger import GRANTS_FILE, GrantLedger
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
