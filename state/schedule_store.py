"""The schedules as they are in force, and for which times they made a job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from state import audit_log
from state.columns import columns_for
from state.database import Transaction
from state.models import schedule_runs, schedules


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule as somebody wrote it down."""

    name: str
    command: str
    cron: str
    tz: str
    catch_up: str  # "once", "skip" or "all"
    grace_minutes: int


@dataclass(frozen=True, slots=True)
class Grant:
    """The consent that a schedule from chat was given, once, when it was added or changed."""

    effect: str
    asker_id: int | None
    asker_name: str
    agreed_by: list[int]
    job_id: int
    fingerprint: str | None
    epoch: int
    policy_sha256: str


#: What is root's needs no other consent.
_OF_ROOT: dict[str, object] = {**dict.fromkeys(Grant.__slots__), "agreed_by": []}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rule that creates jobs."""

    name: str
    command: str
    cron: str
    tz: str
    catch_up: str
    grace_minutes: int
    source: str  # "file" or "chat"
    paused: bool
    last_due_at: datetime | None
    #: Since when this timing holds; times before do not count as missed.
    created_at: datetime
    #: Of what it runs, when it was agreed to; as the rest, only for a schedule from chat.
    effect: str | None = None
    asker_id: int | None = None
    asker_name: str | None = None
    #: User ids of those whose consent started the job that made it.
    agreed_by: list[int] = field(default_factory=list)
    job_id: int | None = None
    fingerprint: str | None = None
    epoch: int | None = None
    policy_sha256: str | None = None
    #: Why it runs no more although nobody paused it: its consent does not hold.
    suspended: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """A time at which a schedule was due, and when its job was made."""

    schedule: str
    due_at: datetime
    enqueued_at: datetime
    caught_up: bool


_SCHEDULE = select(*columns_for(schedules, Schedule))


def all_schedules(tx: Transaction) -> list[Schedule]:
    """By name."""
    return [Schedule(*row) for row in tx.execute(_SCHEDULE.order_by(schedules.c.name))]


def get(tx: Transaction, name: str) -> Schedule | None:
    row = tx.execute(_SCHEDULE.where(schedules.c.name == name)).one_or_none()
    return None if row is None else Schedule(*row)


def sync_from_file(tx: Transaction, rows: Sequence[NewSchedule], at: datetime) -> list[str]:
    """Make the file's schedules those of the file: add, change, remove; the file wins over chat.

    The names of those from chat whose place the file's took.
    """
    wanted = {row.name for row in rows}
    replaced = []
    for present in all_schedules(tx):
        if present.source != "file" and present.name in wanted:
            replaced.append(present.name)
        if present.source == "file" and present.name not in wanted:
            remove(tx, present.name, actor="file", at=at)
    for row in rows:
        put(tx, row, source="file", actor="file", at=at)
    return replaced


def put(
    tx: Transaction,
    new: NewSchedule,
    *,
    source: str,
    actor: str,
    at: datetime,
    grant: Grant | None = None,
) -> None:
    """Add a schedule or change it; with another timing it counts from now on."""
    before = get(tx, new.name)
    values = {name: getattr(new, name) for name in NewSchedule.__slots__} | {"source": source}
    values |= {name: getattr(grant, name) for name in Grant.__slots__} if grant else _OF_ROOT
    values["suspended"] = None
    if before is not None and all(getattr(before, name) == value for name, value in values.items()):
        return
    if before is None:
        tx.execute(insert(schedules).values(**values, paused=False, created_at=at))
    else:
        if (before.cron, before.tz) != (new.cron, new.tz):
            values |= {"last_due_at": None, "created_at": at}
        tx.execute(update(schedules).where(schedules.c.name == new.name).values(values))
    detail = {
        "schedule": new.name,
        "command": new.command,
        "cron": new.cron,
        "tz": new.tz,
        "source": source,
        **({"job": grant.job_id, "fingerprint": grant.fingerprint} if grant else {}),
        **({"replaces": before.source} if before and before.source != source else {}),
    }
    audit_log.append(tx, at, actor, "schedule set", detail)


def remove(tx: Transaction, name: str, *, actor: str, at: datetime) -> bool:
    """Its past stays in the history."""
    done = tx.execute(delete(schedules).where(schedules.c.name == name))
    if done.rowcount == 1:
        audit_log.append(tx, at, actor, "schedule removed", {"schedule": name})
    return done.rowcount == 1


def pause(tx: Transaction, name: str, *, actor: str, at: datetime) -> bool:
    """False when it is paused already, or not there."""
    done = tx.execute(
        update(schedules)
        .where(schedules.c.name == name, schedules.c.paused.is_(False))
        .values(paused=True)
    )
    if done.rowcount == 1:
        audit_log.append(tx, at, actor, "schedule paused", {"schedule": name})
    return done.rowcount == 1


def resume(tx: Transaction, name: str, *, actor: str, at: datetime) -> bool:
    """Go on from now: what was due during the pause was not missed."""
    done = tx.execute(
        update(schedules)
        .where(
            schedules.c.name == name,
            or_(schedules.c.paused.is_(True), schedules.c.suspended.is_not(None)),
        )
        .values(paused=False, suspended=None, created_at=at)
    )
    if done.rowcount == 1:
        audit_log.append(tx, at, actor, "schedule resumed", {"schedule": name})
    return done.rowcount == 1


def suspend(tx: Transaction, name: str, why: str, *, at: datetime) -> bool:
    """Its consent does not hold any more; False when that is known, or it is not there."""
    done = tx.execute(
        update(schedules)
        .where(schedules.c.name == name, schedules.c.suspended.is_(None))
        .values(suspended=why)
    )
    if done.rowcount == 1:
        audit_log.append(tx, at, "zulip-ops", "schedule suspended", {"schedule": name, "why": why})
    return done.rowcount == 1


def record_run(tx: Transaction, name: str, at: datetime, *, actor: str) -> None:
    """Somebody had it run out of turn; what is due by the clock stays due."""
    tx.execute(
        insert(schedule_runs)
        .values(schedule=name, due_at=at, enqueued_at=at, caught_up=False)
        .on_conflict_do_nothing()
    )
    audit_log.append(tx, at, actor, "schedule run", {"schedule": name})


def record_due(
    tx: Transaction, name: str, due_at: datetime, enqueued_at: datetime, *, caught_up: bool
) -> bool:
    """Claim a due time: True once for each time, in the transaction that makes the job."""
    row = insert(schedule_runs).values(
        schedule=name, due_at=due_at, enqueued_at=enqueued_at, caught_up=caught_up
    )
    done = tx.execute(row.on_conflict_do_nothing())
    if done.rowcount != 1:
        return False
    # A clock that went back never takes the newest due time back.
    not_later = or_(schedules.c.last_due_at.is_(None), schedules.c.last_due_at < due_at)
    tx.execute(
        update(schedules).where(schedules.c.name == name, not_later).values(last_due_at=due_at)
    )
    return True


def runs_of(tx: Transaction, name: str, limit: int = 10) -> list[ScheduleRun]:
    """The newest due times first."""
    query = (
        select(*columns_for(schedule_runs, ScheduleRun))
        .where(schedule_runs.c.schedule == name)
        .order_by(schedule_runs.c.due_at.desc())
        .limit(limit)
    )
    return [ScheduleRun(*row) for row in tx.execute(query)]
