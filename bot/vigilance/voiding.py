"""Ends what waits for consent or for its turn, where that consent can be trusted no more."""

from collections.abc import Iterable
from datetime import datetime

from bot.deciding.effects import Effect, EndRun
from bot.deciding.following import Following
from handlers.errors import Reason
from jobs.lifecycle import Status
from state import job_store, run_store
from state.database import Transaction
from state.job_store import Job


def waiting(tx: Transaction) -> list[Job]:
    """Everything that has not begun."""
    statuses = (Status.PLANNING, Status.AWAITING_APPROVAL, Status.ARMING, Status.QUEUED)
    return job_store.in_status(tx, *statuses)


def void(
    tx: Transaction,
    following: Following,
    jobs: Iterable[Job],
    why: tuple[Reason, str],
    now: datetime,
) -> tuple[Effect, ...]:
    """Each end is told in the job's topic; a run that was making a plan has nothing to plan for."""
    planning: list[Effect] = []
    for job in jobs:
        planning += [
            EndRun(run.job_id, run.attempt)
            for run in run_store.open_runs(tx)
            if run.job_id == job.id
        ]
        stale = following.engine.close(tx, job, Status.STALE, *why, now)
        following.finish(tx, stale, now)
    return tuple(planning)
