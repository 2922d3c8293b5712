"""What a person decides in the place of the rules, with a reason that is kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from handlers.contract import JSON
from handlers.errors import Reason
from jobs.engine import Consent
from jobs.lifecycle import Status, may_move
from state import approval_store, audit_log, job_store
from state.database import Transaction
from state.job_store import Changes, Job


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides on what no program can prove, and why."""

    name: str
    #: As the audit log calls them.
    actor: str
    reason: str


def resolve(tx: Transaction, job: Job, to: Status, by: Decider, now: datetime) -> Job:
    """Say how an interrupted job ended, after a look at the host; that frees the host.

    Its flock ended with the run's process; until now it was the status that held the host.
    """
    assert job.status == Status.INTERRUPTED
    word: dict[str, JSON] = {"by": by.name, "reason": by.reason}
    audit_log.append(tx, now, by.actor, "job resolved", {"job": job.id, **word})
    outcome = {**(job.outcome or {}), "resolution": word}
    return _move(tx, job, to, by, now, ended_at=now, reason=Reason.RESOLVED.value, outcome=outcome)


def break_glass(tx: Transaction, job: Job, by: Decider, now: datetime) -> Job:
    """Consent in the place of others; nothing in Zulip is asked before the start."""
    fingerprint = job.fingerprint or ""
    detail: dict[str, JSON] = {"job": job.id, "fingerprint": fingerprint, "reason": by.reason}
    latched = approval_store.latch(tx, job.id, fingerprint, [], actor=by.actor, at=now)
    assert latched, f"consent to job {job.id} was no longer open"
    audit_log.append(tx, now, by.actor, "glass broken", detail)
    return _move(tx, job, Status.QUEUED, by, now, consent=Consent.BREAK_GLASS.value, queued_at=now)


def _move(
    tx: Transaction,
    job: Job,
    to: Status,
    by: Decider,
    now: datetime,
    **changes: Unpack[Changes],
) -> Job:
    from_ = Status(job.status)
    assert may_move(from_, to), f"{from_} -> {to}"
    moved = job_store.move(tx, job.id, from_, to, actor=by.actor, at=now, **changes)
    assert moved, f"job {job.id} was no longer {from_}"
    found = job_store.get(tx, job.id)
    assert found is not None
    return found
