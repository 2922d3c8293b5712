"""What becomes of commands and runs when the bot, or a runner, is stopped or killed."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.app import launcher_of
from bot.demo.zulip.cast import Cast
from bot.demo.zulip.faults import Fault, Trouble
from handlers.backups import catalogue
from handlers.registry import declaration
from jobs.engine import Asked, Consent, Engine
from jobs.journal import RunName
from jobs.runs.crashpoints import CRASH_AT
from jobs.runs.run_folder import RunFolder
from state import installation, job_store, run_store
from state.database import Transaction
from state.job_store import Job
from tests.acceptance.conversation import CHECK, CROSS, EYES, Conversation


def ends_told(talk: Conversation, job_id: int) -> int:
    """How often the end of a job was said in its topic."""
    talk.settled()
    told = [message.content for message in talk.in_topic_of(job_id)]
    return sum(f"**Job #{job_id}** (" in text for text in told)


def answers(talk: Conversation, message_id: int) -> int:
    talk.settled()
    topic = talk.message(message_id).topic
    return sum(message.topic == topic for message in talk.from_bot())


def failed_without_result(tx: Transaction) -> list[Job]:
    """The jobs of lost runs, which every bot looks after at its start."""
    lost = run_store.lost_since(tx, datetime.min.replace(tzinfo=UTC))
    jobs = [job_store.get(tx, run.job_id) for run in lost]
    return [job for job in jobs if job is not None and job.status in {"failed", "cancelled"}]


def runner_of(talk: Conversation, name: RunName) -> int:
    """The process of a run."""
    runner = RunFolder(talk.stage.state / "runs" / str(name)).runner()
    assert runner is not None
    return runner.pid


def snapshots_of(talk: Conversation, job_id: int) -> list[str]:
    """What the catalogues of all stores hold of a job."""
    return [
        snapshot.id
        for store in talk.stage.stores
        for snapshot in catalogue.list_snapshots(store)
        if snapshot.job == job_id
    ]


@pytest.fixture
def process(talk: Conversation) -> Iterator[Conversation]:
    """The bot in a process of its own, which can be killed."""
    talk.stop_bot()
    talk.start_process()
    yield talk
    talk.stop_bot()
    talk.start_bot()


def test_a_command_that_was_seen_is_answered_after_a_restart(
    talk: Conversation, cast: Cast
) -> None:
    who_asked = Fault(Trouble.BAD_GATEWAY, "GET", "/api/v1/users/*", cast.bot.email)
    talk.stage.zulip.faults.plan(who_asked, times=1000)
    asked = talk.ask(cast.iago, "whoami")
    talk.wait_for_marks(asked, EYES)
    talk.until(lambda: talk.stage.zulip.faults.hits() > 0, "the bot asks who it is")
    with talk.without_bot():
        talk.stage.zulip.faults.clear()
        entry = talk.entry(asked)
        assert entry is not None
        assert entry.status == "received"

    assert talk.answer_to(asked).startswith("You are @_**Iago|")
    assert answers(talk, asked) == 1


def test_a_command_that_came_while_the_bot_was_away_is_answered(
    talk: Conversation, cast: Cast
) -> None:
    with talk.without_bot():
        asked = talk.ask(cast.iago, "version")
    assert talk.answer_to(asked).startswith("zulip-ops ")
    talk.wait_for_marks(asked, EYES)


def test_a_restart_while_the_plan_is_made(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now")
    job = talk.job_for(asked)
    with talk.without_bot():
        assert talk.job(job.id).status == "planning"
    card = talk.card(job.id)
    talk.react(cast.iago, card.id)
    talk.reached(job.id, "succeeded")
    assert ends_told(talk, job.id) == 1
    assert answers(talk, asked) == 1


def test_consent_that_is_given_while_the_bot_is_away_counts(talk: Conversation, cast: Cast) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now"))
    card = talk.card(job.id)
    with talk.without_bot():
        talk.react(cast.iago, card.id)
    talk.reached(job.id, "succeeded")
    assert ends_told(talk, job.id) == 1
    assert talk.audit_chain_holds()


def test_a_run_goes_on_without_the_bot_and_its_end_is_told_once(
    talk: Conversation, cast: Cast
) -> None:
    asked = talk.ask(cast.iago, "backup now --yes")
    job = talk.job_for(asked)
    with talk.backup_held():
        talk.wait_until_held()
        talk.stop_bot()
    folder = RunFolder(talk.stage.state / "runs" / f"{job.id}-2")
    talk.until(lambda: folder.has_ended, "the run ended")
    assert talk.job(job.id).status == "running"

    talk.start_bot()
    talk.reached(job.id, "succeeded")
    talk.wait_for_marks(asked, CHECK)
    assert ends_told(talk, job.id) == 1
    talk.restart_bot()
    assert talk.hear(cast.iago, "whoami")
    assert ends_told(talk, job.id) == 1


def test_a_run_that_is_under_way_is_followed_after_a_restart(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    with talk.backup_held():
        talk.wait_until_held()
        talk.restart_bot()
        assert f"#{job.id} `backup now --yes` running" in talk.hear(cast.iago, "status")
    talk.reached(job.id, "succeeded")
    talk.end_of(job.id)
    talk.settled()
    status = talk.message(talk.job(job.id).status_message_id or 0).content
    assert "✔ Check the plan" in status
    assert "✔ Copy database, uploads and configuration" in status
    assert ends_told(talk, job.id) == 1


def test_a_bot_that_is_killed_loses_neither_run_nor_commands(
    process: Conversation, cast: Cast
) -> None:
    with process.backup_held():
        running = process.job_for(process.ask(cast.iago, "backup now --yes"))
        process.wait_until_held()
        waiting = process.job_for(process.ask(cast.desdemona, "backup now"))
        card = process.card(waiting.id)
        process.kill_bot()
        meanwhile = process.ask(cast.iago, "version")
        process.react(cast.desdemona, card.id)
        process.start_process()
        process.reached(waiting.id, "queued")
        assert process.job(running.id).status == "running"
    process.reached(running.id, "succeeded")
    process.reached(waiting.id, "succeeded")

    assert process.answer_to(meanwhile).startswith("zulip-ops ")
    assert [ends_told(process, job.id) for job in (running, waiting)] == [1, 1]
    assert answers(process, meanwhile) == 1
    assert process.audit_chain_holds()


def test_a_bot_that_is_killed_again_and_again_answers_each_command_once(
    process: Conversation, cast: Cast
) -> None:
    asked = []
    for number in range(3):
        asked += [process.ask(cast.iago, f"history --before {number + 1}") for _ in range(3)]
        process.wait_for_marks(asked[-1], EYES)
        process.kill_bot()
        process.start_process(wait=False)
    for message_id in asked:
        process.answer_to(message_id)
    assert {answers(process, message_id) for message_id in asked} == {1}


def test_a_runner_that_is_killed_is_told_and_leaves_nothing(talk: Conversation, cast: Cast) -> None:
    asked = talk.ask(cast.iago, "backup now --yes")
    job = talk.job_for(asked)
    with talk.backup_held():
        talk.wait_until_held()
        os.kill(runner_of(talk, RunName(job.id, 2)), signal.SIGKILL)
        lost = talk.reached(job.id, "failed")
        end = talk.end_of(job.id)
        talk.wait_for_marks(asked, CROSS)
        # What it had started, the dump, is ended too.
        talk.until(lambda: not talk.processes(), "its processes are gone")

    assert lost.reason == "run_lost"
    assert "killed before it could write a result" in end.content
    assert talk.lock_is_free()
    assert snapshots_of(talk, job.id) == []
    after = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    talk.reached(after.id, "succeeded")
    talk.end_of(after.id)


def test_a_runner_that_is_killed_while_the_bot_is_away_is_told_too(
    talk: Conversation, cast: Cast
) -> None:
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    with talk.backup_held():
        talk.wait_until_held()
        with talk.without_bot():
            os.kill(runner_of(talk, RunName(job.id, 2)), signal.SIGKILL)
        lost = talk.reached(job.id, "failed")
        talk.end_of(job.id)
        talk.until(lambda: not talk.processes(), "its processes are gone")
    assert lost.reason == "run_lost"
    assert ends_told(talk, job.id) == 1
    assert talk.lock_is_free()


def test_what_a_lost_run_left_is_ended_by_the_next_bot_when_the_first_one_dies_over_it(
    talk: Conversation, cast: Cast
) -> None:
    talk.stop_bot()
    # At its start it looks after what the runs of earlier tests may have left.
    before = len(talk.read(failed_without_result))
    talk.start_process(more={CRASH_AT: f"cancel_begun:{before + 1}"})
    job = talk.job_for(talk.ask(cast.iago, "backup now --yes"))
    with talk.backup_held():
        talk.wait_until_held()
        os.kill(runner_of(talk, RunName(job.id, 2)), signal.SIGKILL)
        talk.reached(job.id, "failed")
        assert talk.process is not None
        assert talk.process.wait(20) == -signal.SIGKILL
        talk.process = None
        # The dump goes on, and nobody waits for it.
        assert talk.processes()

        talk.start_bot()

        talk.until(lambda: not talk.processes(), "its processes are gone")
    assert ends_told(talk, job.id) == 1


@pytest.mark.parametrize("lost", ["start", "end"])
def test_a_run_that_was_lost_on_the_way_while_the_bot_runs_is_found_within_a_minute(
    lost: str, talk: Conversation
) -> None:
    job_id = intend_a_plan(talk, was_carried_out=lost == "end")
    talk.settled()
    assert talk.job(job_id).status == "planning"

    # Twenty seconds lie between two ticks.
    talk.let_pass(timedelta(seconds=31))

    talk.reached(job_id, "succeeded")


def intend_a_plan(talk: Conversation, *, was_carried_out: bool) -> int:
    """As when the disk was full once the decision was made: nobody follows what came of it."""
    app, now = talk.app, talk.clock.now()
    assert app is not None
    configuration = app.settings.configuration
    with app.database.write() as tx:
        engine = Engine(
            installation.epoch(tx),
            installation.host_id(tx),
            configuration.host,
            configuration.stores,
            configuration.policy,
        )
        asked = Asked(
            declaration("backup now"),
            arguments={},
            command="backup now --yes",
            origin="chat",
            asker_id=talk.stage.cast.iago.id,
            asker_name="Iago",
            message_id=None,
            message_sha256=None,
            inbox_id=None,
            consent=Consent.ROOT,
        )
        spec = engine.accept(tx, asked, now).spec
    if was_carried_out:
        folder = RunFolder(launcher_of(configuration, app.settings).plan(spec).folder)
        talk.until(lambda: folder.has_ended, "the plan is made")
    return spec.job
