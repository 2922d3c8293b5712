"""The jobs: made once, moved only from a named status, listed newest first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from sqlalchemy import Select, insert, select, union_all, update

from state import audit_log
from state.columns import JSON, Facts, columns_for
from state.database import Transaction
from state.models import jobs


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is known when a job is made."""

    epoch: int
    operation: str
    arguments: Facts
    #: The command as canonical text.
    command: str
    effect: str
    status: str
    origin: str
    asker_name: str
    consent: str  # "reaction", "yes", "schedule", "root" or "none"
    nonce: str
    created_at: datetime
    asker_id: int | None = None
    command_message_id: int | None = None
    command_sha256: str | None = None
    inbox_id: int | None = None
    expires_at: datetime | None = None
    caught_up: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """The durable record that an operation is to be carried out once."""

    id: int
    epoch: int
    operation: str
    arguments: dict[str, JSON]
    command: str
    effect: str
    status: str
    cancelling: bool
    cancelled_by: str | None
    origin: str
    asker_id: int | None
    asker_name: str
    command_message_id: int | None
    command_sha256: str | None
    inbox_id: int | None
    consent: str
    nonce: str
    expires_at: datetime | None
    fingerprint: str | None
    plan: dict[str, JSON] | None
    reason: str | None
    sentence: str | None
    outcome: dict[str, JSON] | None
    #: Made by a schedule for a time that had been missed.
    caught_up: bool
    #: First message sent for the job: marks its topic, whatever the topic is called by now.
    anchor_message_id: int | None
    card_message_id: int | None
    status_message_id: int | None
    end_message_id: int | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


class Changes(TypedDict, total=False):
    """What may change in the life of a job; its status changes by `move` alone."""

    cancelling: bool
    cancelled_by: str | None
    consent: str
    expires_at: datetime | None
    fingerprint: str | None
    plan: Facts | None
    reason: str | None
    sentence: str | None
    outcome: Facts | None
    anchor_message_id: int | None
    card_message_id: int | None
    status_message_id: int | None
    end_message_id: int | None
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


_JOB = select(*columns_for(jobs, Job))


def create(tx: Transaction, new: NewJob, *, actor: str) -> Job:
    """Make a job; the audit log tells of it in the same transaction."""
    values = {name: getattr(new, name) for name in NewJob.__slots__}
    made = tx.execute(insert(jobs).values(**values, cancelling=False).returning(jobs.c.id))
    job = _existing(tx, made.scalar_one())
    audit_log.append(
        tx,
        new.created_at,
        actor,
        "job created",
        {
            "job": job.id,
            "command": job.command,
            "effect": job.effect,
            "status": job.status,
            "origin": job.origin,
            "asker_id": job.asker_id,
            "command_message_id": job.command_message_id,
            "epoch": job.epoch,
        },
    )
    return job


def get(tx: Transaction, job_id: int) -> Job | None:
    row = tx.execute(_JOB.where(jobs.c.id == job_id)).one_or_none()
    return None if row is None else Job(*row)


def move(
    tx: Transaction,
    job_id: int,
    from_: str,
    to: str,
    *,
    actor: str,
    at: datetime,
    **changes: Unpack[Changes],
) -> bool:
    """Move a job on, with `changes`, if it still is in `from_`; False when it is not.

    The audit log tells of it in the same transaction. The caller sets queued_at, started_at and
    ended_at, and knows which moves are allowed.
    """
    done = tx.execute(
        update(jobs).where(jobs.c.id == job_id, jobs.c.status == from_).values(status=to, **changes)
    )
    if done.rowcount != 1:
        return False
    detail: dict[str, JSON] = {"job": job_id, "from": str(from_), "to": str(to)}
    for name in ("fingerprint", "reason"):
        if name in changes:
            value: Any = changes.get(name)
            detail[name] = value
    audit_log.append(tx, at, actor, "job moved", detail)
    return True


def change(tx: Transaction, job_id: int, **changes: Unpack[Changes]) -> None:
    """Write down more about a job without moving it."""
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(**changes))


def open_jobs(tx: Transaction) -> list[Job]:
    """Jobs without an end time, oldest first."""
    return [
        Job(*row) for row in tx.execute(_JOB.where(jobs.c.ended_at.is_(None)).order_by(jobs.c.id))
    ]


def in_status(tx: Transaction, *statuses: str) -> list[Job]:
    """All jobs in any of the statuses, oldest first; meant for those that few jobs are in."""
    query = _JOB.where(jobs.c.status.in_(statuses)).order_by(jobs.c.id)
    return [Job(*row) for row in tx.execute(query)]


def before_of_schedule(tx: Transaction, name: str, before_id: int) -> Job | None:
    """The schedule's last job before this one that has ended."""
    query = (
        _JOB.where(jobs.c.origin == "schedule", jobs.c.asker_name == name)
        .where(jobs.c.id < before_id, jobs.c.ended_at.is_not(None))
        .order_by(jobs.c.id.desc())
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else Job(*row)


def page(
    tx: Transaction,
    *,
    before_id: int | None = None,
    limit: int = 20,
    statuses: tuple[str, ...] | None = None,
    operation: str | None = None,
    asker_id: int | None = None,
) -> list[Job]:
    """One page of the history, newest first; `before_id` is the last id of the page before.

    The condition is on the id and never an OFFSET: the thousandth page costs what the first costs.
    """
    newest = select(jobs.c.id).order_by(jobs.c.id.desc()).limit(limit)
    if before_id is not None:
        newest = newest.where(jobs.c.id < before_id)
    if operation is not None:
        newest = newest.where(jobs.c.operation == operation)
    if asker_id is not None:
        newest = newest.where(jobs.c.asker_id == asker_id)
    if statuses is not None:
        if not statuses:
            return []
        parts = [newest.where(jobs.c.status == status) for status in sorted(set(statuses))]
        newest = _merged(parts, limit)
    query = _JOB.where(jobs.c.id.in_(newest)).order_by(jobs.c.id.desc())
    return [Job(*row) for row in tx.execute(query)]


def durations(
    tx: Transaction, operation: str, limit: int = 10, *, status: str = "succeeded"
) -> list[timedelta]:
    """How long the newest jobs of an operation ran that ended in `status`, newest first."""
    query = (
        select(jobs.c.started_at, jobs.c.ended_at)
        .where(jobs.c.operation == operation, jobs.c.status == status)
        .order_by(jobs.c.id.desc())
        .limit(limit)
    )
    return [ended - started for started, ended in tx.execute(query) if started and ended]


def _merged(parts: list[Select[int]], limit: int) -> Select[int]:
    """With `status IN (...)` SQLite would sort all that match; each part here reads one page."""
    ids = union_all(*[select(part.subquery()) for part in parts]).subquery()
    return select(ids.c.id).order_by(ids.c.id.desc()).limit(limit)


def _existing(tx: Transaction, job_id: int) -> Job:
    return Job(*tx.execute(_JOB.where(jobs.c.id == job_id)).one())
