"""The runs: attempts at a job, of which one at most is under way."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, insert, select, update

from state.columns import JSON, Facts, columns_for
from state.database import Transaction
from state.models import RUN_LOST, RUN_OPEN, runs


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt, planned or real; attempts are numbered over both modes."""

    job_id: int
    attempt: int
    mode: str  # "plan" or "run"
    status: str  # "intended", "started", "ended" or "lost"
    folder: str | None
    intended_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    result: dict[str, JSON] | None
    #: How many bytes of the journal have been taken in.
    journal_offset: int


_RUN = select(*columns_for(runs, Run))


def intend_run(tx: Transaction, job_id: int, mode: str, at: datetime) -> Run:
    """Write down, before anything is started, that the next attempt will be.

    An IntegrityError when the job has a run under way already: that is a mistake of the caller.
    """
    last = tx.execute(select(func.max(runs.c.attempt)).where(runs.c.job_id == job_id)).scalar()
    attempt = 1 if last is None else last + 1
    tx.execute(
        insert(runs).values(
            job_id=job_id,
            attempt=attempt,
            mode=mode,
            status="intended",
            intended_at=at,
            journal_offset=0,
        )
    )
    return Run(*tx.execute(_RUN.where(_this(job_id, attempt))).one())


def run_started(tx: Transaction, job_id: int, attempt: int, *, folder: str, at: datetime) -> bool:
    """From intended to started; False when it is not intended (any more)."""
    done = tx.execute(
        update(runs)
        .where(_this(job_id, attempt), runs.c.status == "intended")
        .values(status="started", folder=folder, started_at=at)
    )
    return done.rowcount == 1


def journal_read(tx: Transaction, job_id: int, attempt: int, offset: int) -> None:
    """Remember that the journal was taken in up to `offset` bytes; it never goes back."""
    tx.execute(
        update(runs)
        .where(_this(job_id, attempt), runs.c.journal_offset < offset)
        .values(journal_offset=offset)
    )


def end_run(
    tx: Transaction, job_id: int, attempt: int, *, result: Facts | None, at: datetime
) -> bool:
    """Take in how a run ended; None as result means that it left none, so it is "lost".

    False when the end was taken in before.
    """
    done = tx.execute(
        update(runs)
        .where(_this(job_id, attempt), RUN_OPEN)
        .values(status="lost" if result is None else "ended", result=result, ended_at=at)
    )
    return done.rowcount == 1


def get_run(tx: Transaction, job_id: int, attempt: int) -> Run | None:
    row = tx.execute(_RUN.where(_this(job_id, attempt))).one_or_none()
    return None if row is None else Run(*row)


def runs_of(tx: Transaction, job_id: int) -> list[Run]:
    """All attempts at a job, oldest first."""
    query = _RUN.where(runs.c.job_id == job_id).order_by(runs.c.attempt)
    return [Run(*row) for row in tx.execute(query)]


def is_known(tx: Transaction, folder: str) -> bool:
    """Whether a run of ours lies in this folder."""
    return tx.execute(select(runs.c.job_id).where(runs.c.folder == folder)).first() is not None


def open_runs(tx: Transaction) -> list[Run]:
    """Runs that may be under way: what a restart has to find again."""
    return [Run(*row) for row in tx.execute(_RUN.where(RUN_OPEN).order_by(runs.c.job_id))]


def lost_since(tx: Transaction, at: datetime) -> list[Run]:
    """Runs that ended without a result, and whose end was taken in since then."""
    query = _RUN.where(RUN_LOST, runs.c.ended_at >= at).order_by(runs.c.ended_at)
    return [Run(*row) for row in tx.execute(query)]


def _this(job_id: int, attempt: int) -> ColumnElement[bool]:
    return and_(runs.c.job_id == job_id, runs.c.attempt == attempt)
