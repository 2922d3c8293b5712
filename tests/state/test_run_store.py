"""Runs: intended before they start, one under way for each job, ended once."""

import pytest
from sqlalchemy.exc import IntegrityError

from state import run_store
from state.database import Transaction
from tests.state.query_plans import recorded_plans
from tests.state.sample_rows import NOW, after, make_job


def test_attempts_are_numbered_over_plan_and_run(tx: Transaction) -> None:
    job, other = make_job(tx), make_job(tx)
    plan = run_store.intend_run(tx, job.id, "plan", NOW)
    run_store.end_run(tx, job.id, plan.attempt, result={"status": "planned"}, at=after(1))
    run = run_store.intend_run(tx, job.id, "run", after(2))
    assert (plan.attempt, run.attempt, run.mode, run.status) == (1, 2, "run", "intended")
    assert run_store.intend_run(tx, other.id, "plan", NOW).attempt == 1


def test_a_job_never_has_two_runs_under_way(tx: Transaction) -> None:
    job = make_job(tx)
    run_store.intend_run(tx, job.id, "plan", NOW)
    with pytest.raises(IntegrityError):
        run_store.intend_run(tx, job.id, "run", NOW)


def test_a_run_starts_and_ends_once(tx: Transaction) -> None:
    job = make_job(tx)
    run_store.intend_run(tx, job.id, "run", NOW)
    assert run_store.run_started(tx, job.id, 1, folder="/runs/1-1", at=after(1))
    assert not run_store.run_started(tx, job.id, 1, folder="/runs/1-1", at=after(2))
    assert run_store.end_run(tx, job.id, 1, result={"status": "succeeded"}, at=after(3))
    assert not run_store.end_run(tx, job.id, 1, result=None, at=after(4))
    assert not run_store.run_started(tx, job.id, 1, folder="/runs/1-1", at=after(5))
    run = run_store.get_run(tx, job.id, 1)
    assert run is not None
    assert (run.status, run.result, run.ended_at) == ("ended", {"status": "succeeded"}, after(3))
    assert run.folder == "/runs/1-1"


def test_a_run_without_a_result_is_lost(tx: Transaction) -> None:
    job = make_job(tx)
    run_store.intend_run(tx, job.id, "run", NOW)
    assert run_store.end_run(tx, job.id, 1, result=None, at=after(1))
    assert [run.status for run in run_store.runs_of(tx, job.id)] == ["lost"]


def test_the_journal_is_never_read_backwards(tx: Transaction) -> None:
    job = make_job(tx)
    run_store.intend_run(tx, job.id, "run", NOW)
    for offset in (100, 50):
        run_store.journal_read(tx, job.id, 1, offset)
    run = run_store.get_run(tx, job.id, 1)
    assert run is not None
    assert run.journal_offset == 100


def test_open_runs_are_what_a_restart_has_to_find(tx: Transaction) -> None:
    intended, started, ended = (make_job(tx) for _ in range(3))
    for job in (intended, started, ended):
        run_store.intend_run(tx, job.id, "run", NOW)
    run_store.run_started(tx, started.id, 1, folder="/runs", at=NOW)
    run_store.end_run(tx, ended.id, 1, result={}, at=NOW)
    with recorded_plans(tx) as plans:
        found = run_store.open_runs(tx)
    assert [(run.job_id, run.status) for run in found] == [
        (intended.id, "intended"),
        (started.id, "started"),
    ]
    assert plans == ["SCAN runs USING INDEX runs_open"], "a partial index: only what is open"


def test_an_unknown_run_is_none(tx: Transaction) -> None:
    assert run_store.get_run(tx, 1, 1) is None
    assert run_store.runs_of(tx, 1) == []


def test_a_run_is_known_by_its_folder(tx: Transaction) -> None:
    job = make_job(tx)
    run = run_store.intend_run(tx, job.id, "plan", NOW)
    assert not run_store.is_known(tx, "1-1")
    run_store.run_started(tx, job.id, run.attempt, folder="1-1", at=NOW)
    assert run_store.is_known(tx, "1-1")


def test_lost_runs_are_found_by_when_they_were_given_up(tx: Transaction) -> None:
    jobs = [make_job(tx) for _ in range(3)]
    for seconds, job in enumerate(jobs):
        run_store.intend_run(tx, job.id, "run", NOW)
        result = {"status": "succeeded"} if job is jobs[2] else None
        run_store.end_run(tx, job.id, 1, result=result, at=after(seconds))

    assert [run.job_id for run in run_store.lost_since(tx, after(1))] == [jobs[1].id]
    with recorded_plans(tx) as plans:
        run_store.lost_since(tx, NOW)
    assert any("runs_lost" in line for line in plans), plans
