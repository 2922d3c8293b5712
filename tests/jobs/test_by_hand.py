"""A person's word frees the host, and root's takes the place of others: once, and with a reason."""

from datetime import timedelta

import pytest

from handlers.errors import Reason
from jobs import by_hand
from jobs.by_hand import Decider
from jobs.engine import Consent, Start
from jobs.lifecycle import Status
from state import approval_store, audit_log, job_store
from state.database import Transaction
from state.job_store import Job
from tests.jobs.test_engine import ENGINE, NOW, database, planned, started, tx

__all__ = ("database", "tx")  # fixtures

ROOT = Decider("root on the host", "host:root", "the disk was looked at")


def interrupted(tx: Transaction) -> Job:
    """As a run of an operation would be left whose effect nobody can prove."""
    start = started(tx)
    job_store.move(tx, start.job.id, Status.RUNNING, Status.INTERRUPTED, actor="zulip-ops", at=NOW)
    job = job_store.get(tx, start.job.id)
    assert job is not None
    return job


@pytest.mark.parametrize("to", [Status.SUCCEEDED, Status.FAILED])
def test_an_interrupted_job_holds_the_host_until_somebody_says_how_it_ended(
    tx: Transaction, to: Status
) -> None:
    planned(tx, Consent.ROOT)
    second = planned(tx, Consent.ROOT)
    first = interrupted(tx)
    assert ENGINE.claim(tx, NOW) is None
    resolved = by_hand.resolve(tx, first, to, ROOT, NOW)
    assert (resolved.status, resolved.reason, resolved.ended_at) == (to, Reason.RESOLVED, NOW)
    assert resolved.outcome == {
        "resolution": {"by": "root on the host", "reason": "the disk was looked at"}
    }
    assert started(tx).job.id == second.id


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.INTERRUPTED}))
def test_only_an_interrupted_job_is_resolved(tx: Transaction, status: Status) -> None:
    job = planned(tx)
    job_store.move(tx, job.id, job.status, status, actor="a test", at=NOW)
    found = job_store.get(tx, job.id)
    assert found is not None
    with pytest.raises(AssertionError):
        by_hand.resolve(tx, found, Status.FAILED, ROOT, NOW)


def test_root_consents_once_and_zulip_is_not_asked_again(tx: Transaction) -> None:
    job = by_hand.break_glass(tx, planned(tx), ROOT, NOW)
    assert (job.status, job.consent) == (Status.QUEUED, Consent.BREAK_GLASS)
    later = NOW + timedelta(minutes=5)
    assert isinstance(ENGINE.claim(tx, later), Start), "without another look"
    request = approval_store.get(tx, job.id)
    assert request is not None
    assert request.status == "consumed"
    with pytest.raises(AssertionError):
        by_hand.break_glass(tx, job, ROOT, NOW)
    actions = [(one.actor, one.action) for one in audit_log.page(tx, limit=100)]
    assert actions.count(("host:root", "glass broken")) == 1
    assert ("host:root", "consent latched") in actions


def test_consent_by_root_is_to_the_plan_that_was_shown(tx: Transaction) -> None:
    job = planned(tx)
    job_store.change(tx, job.id, fingerprint="another")
    changed = job_store.get(tx, job.id)
    assert changed is not None
    with pytest.raises(AssertionError):
        by_hand.break_glass(tx, changed, ROOT, NOW)
