"""Jobs are made once, moved only from where they are, and listed page by page."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from state import audit_log, inbox, job_store
from state.database import Database, Transaction
from tests.state.query_plans import recorded_plans
from tests.state.sample_rows import IAGO, NOW, after, make_job, new_entry, new_job


def test_a_job_comes_back_as_it_was_made(tx: Transaction) -> None:
    entry = inbox.add(tx, new_entry())
    assert entry is not None
    arguments = {"version": "10.4", "count": 3, "deep": [{"a": None}, True]}
    new = new_job(
        arguments=arguments,
        command="upgrade 10.4",
        effect="disruptive",
        command_message_id=77,
        command_sha256="ab" * 32,
        inbox_id=entry.id,
        expires_at=after(3600),
        caught_up=True,
    )
    job = job_store.create(tx, new, actor="user/11")
    assert {name: getattr(job, name) for name in new.__slots__} == {
        name: getattr(new, name) for name in new.__slots__
    }
    assert (job.cancelling, job.plan, job.ended_at) == (False, None, None)
    assert job_store.get(tx, job.id) == job


def test_an_unknown_job_is_none(tx: Transaction) -> None:
    assert job_store.get(tx, 404) is None


def test_a_nonce_is_used_for_one_job(tx: Transaction) -> None:
    make_job(tx, nonce="same")
    with pytest.raises(IntegrityError):
        make_job(tx, nonce="same")


def test_numbers_of_jobs_are_never_given_out_again(tx: Transaction) -> None:
    last = make_job(tx)
    tx.exec_driver_sql("DELETE FROM jobs")
    assert make_job(tx).id == last.id + 1


def test_a_job_moves_only_from_where_it_is(tx: Transaction) -> None:
    job = make_job(tx, status="queued")
    moved = job_store.move(
        tx, job.id, "queued", "running", actor="bot", at=after(1), started_at=after(1)
    )
    assert moved
    assert not job_store.move(tx, job.id, "queued", "cancelled", actor="user/11", at=after(2))
    now = job_store.get(tx, job.id)
    assert now is not None
    assert (now.status, now.started_at) == ("running", after(1))


def test_a_job_that_is_not_there_does_not_move(tx: Transaction) -> None:
    assert not job_store.move(tx, 404, "queued", "running", actor="bot", at=NOW)
    assert audit_log.head(tx) is None


def test_of_two_moves_from_the_same_status_one_wins(db: Database) -> None:
    with db.write() as tx:
        job = make_job(tx, status="queued")
    wins = []
    for to in ("running", "cancelled"):
        with db.write() as tx:
            wins.append(job_store.move(tx, job.id, "queued", to, actor="bot", at=NOW))
    assert wins == [True, False]


def test_making_and_moving_are_in_the_audit_log(tx: Transaction) -> None:
    job = make_job(tx)
    job_store.move(tx, job.id, "planning", "failed", actor="bot", at=after(1), reason="disk_full")
    newest, first = audit_log.page(tx)
    assert (first.actor, first.action) == ("user/11", "job created")
    assert (newest.actor, newest.action, newest.at) == ("bot", "job moved", after(1))
    assert newest.detail == {
        "job": job.id,
        "from": "planning",
        "to": "failed",
        "reason": "disk_full",
    }


def test_a_change_touches_nothing_else(tx: Transaction) -> None:
    job, other = make_job(tx), make_job(tx)
    job_store.change(tx, job.id, cancelling=True, cancelled_by="Desdemona", plan={"a": 1})
    changed = job_store.get(tx, job.id)
    assert changed is not None
    assert (changed.cancelling, changed.cancelled_by, changed.plan) == (True, "Desdemona", {"a": 1})
    assert changed.status == job.status
    assert job_store.get(tx, other.id) == other


def test_open_jobs_have_not_ended(tx: Transaction) -> None:
    jobs = [make_job(tx, status="running") for _ in range(3)]
    job_store.move(tx, jobs[1].id, "running", "succeeded", actor="bot", at=NOW, ended_at=NOW)
    assert [job.id for job in job_store.open_jobs(tx)] == [jobs[0].id, jobs[2].id]


def test_jobs_are_found_by_status(tx: Transaction) -> None:
    jobs = [make_job(tx, status=status) for status in ("queued", "running", "failed", "queued")]
    assert [job.id for job in job_store.in_status(tx, "queued", "running")] == [
        jobs[0].id,
        jobs[1].id,
        jobs[3].id,
    ]
    assert job_store.in_status(tx) == []


def test_durations_are_of_the_newest_successes(tx: Transaction) -> None:
    for seconds in (10, 20, 30):
        job = make_job(tx, status="running")
        job_store.move(
            tx,
            job.id,
            "running",
            "failed" if seconds == 20 else "succeeded",
            actor="bot",
            at=NOW,
            started_at=NOW,
            ended_at=after(seconds),
        )
    make_job(tx, status="succeeded")  # never started
    assert job_store.durations(tx, "backup now", 5) == [
        timedelta(seconds=30),
        timedelta(seconds=10),
    ]
    assert job_store.durations(tx, "upgrade", 5) == []


FILTERS: list[dict[str, Any]] = [
    {
        name: value
        for name, value in (("statuses", statuses), ("operation", operation), ("asker_id", asker))
        if value is not None
    }
    for statuses, operation, asker in product(
        [None, ("failed",), ("failed", "interrupted", "failed"), ()],
        [None, "backup now"],
        [None, IAGO],
    )
]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["succeeded", "failed", "interrupted"]),
            st.sampled_from(["backup now", "upgrade"]),
            st.sampled_from([None, IAGO, 12]),
        ),
        max_size=25,
    ),
    limit=st.integers(1, 7),
    wanted=st.sampled_from(FILTERS),
)
def test_paging_returns_everything_once(
    db: Database, rows: list[tuple[str, str, int | None]], limit: int, wanted: dict[str, Any]
) -> None:
    with db.write() as tx:
        tx.exec_driver_sql("DELETE FROM jobs")
        made = [
            make_job(tx, status=status, operation=operation, asker_id=asker)
            for status, operation, asker in rows
        ]
        expected = [
            job.id
            for job in reversed(made)
            if job.status in wanted.get("statuses", (job.status,))
            and job.operation == wanted.get("operation", job.operation)
            and job.asker_id == wanted.get("asker_id", job.asker_id)
        ]
        assert all_pages(tx, limit, wanted) == expected


def all_pages(tx: Transaction, limit: int, wanted: dict[str, Any]) -> list[int]:
    found: list[int] = []
    before = None
    while page := job_store.page(tx, before_id=before, limit=limit, **wanted):
        assert len(page) <= limit
        found += [job.id for job in page]
        before = found[-1]
    return found


def test_a_page_is_not_disturbed_by_jobs_that_come_meanwhile(tx: Transaction) -> None:
    jobs = [make_job(tx) for _ in range(4)]
    first = job_store.page(tx, limit=2)
    make_job(tx)
    second = job_store.page(tx, limit=2, before_id=first[-1].id)
    assert [job.id for job in first + second] == [job.id for job in reversed(jobs)]


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_every_page_is_found_by_an_index_and_never_sorted(
    tx: Transaction, wanted: dict[str, Any]
) -> None:
    make_job(tx)
    with recorded_plans(tx) as plans:
        job_store.page(tx, before_id=500, **wanted)
    assert any("jobs" in line for line in plans) or wanted.get("statuses") == ()
    for line in plans:
        assert not line.startswith("SCAN jobs"), plans
    # What may be sorted is one page of each status, never all that matches.
    sorts = [line for line in plans if line.startswith("USE TEMP B-TREE FOR ORDER BY")]
    assert len(sorts) <= len(wanted.get("statuses", ())), plans


def test_what_is_open_is_found_by_an_index(tx: Transaction) -> None:
    with recorded_plans(tx) as plans:
        job_store.open_jobs(tx)
        job_store.in_status(tx, "queued", "running")
        job_store.durations(tx, "backup now", 10)
    assert [line.partition("USING INDEX ")[2].split()[0] for line in plans if "INDEX" in line] == [
        "jobs_not_ended",
        "jobs_by_status",
        "jobs_by_operation_and_status",
    ]
