"""What follows from an answer, in the same transaction: a job ends, an incident is closed."""

from datetime import datetime

from bot.commands.consent.break_glass import KIND
from bot.commands.contract import Answer, Asker, Closing, Resolution
from bot.deciding.effects import Effect, EndRun, LookForNext
from bot.deciding.following import Following
from bot.replies.job_news import JobResolved
from bot.replies.vigilance import IncidentEnded
from bot.vigilance import incidents
from bot.vigilance.incidents import topic_of
from bot.zulip_api.words import CHECK, CROSS
from jobs import by_hand
from jobs.by_hand import Decider
from jobs.engine import actor
from jobs.lifecycle import FINAL, Status
from jobs.runs.crashpoints import crashpoint
from state import incident_store, job_store, run_store
from state.database import Transaction
from state.incident_store import NewIncident


def carry_out(
    tx: Transaction, answer: Answer, asker: Asker, following: Following, now: datetime
) -> tuple[Effect, ...]:
    """Make true what the answer says."""
    if answer.cancel_job is not None:
        return _cancel(tx, answer.cancel_job, asker, following, now)
    if answer.resolution is not None:
        return _resolve(tx, answer.resolution, asker, following, now)
    if answer.broken_glass is not None:
        return _break_glass(tx, answer, asker, following, now)
    if answer.closing is not None:
        _close(tx, answer.closing, asker, following, now)
    return ()


def _cancel(
    tx: Transaction, number: int, asker: Asker, following: Following, now: datetime
) -> tuple[Effect, ...]:
    job = job_store.get(tx, number)
    assert job is not None
    job = following.engine.cancel(tx, job, asker.name, now)
    if job.status in FINAL:
        following.finish(tx, job, now)
    crashpoint("cancel_decided")
    return tuple(
        EndRun(run.job_id, run.attempt) for run in run_store.open_runs(tx) if run.job_id == job.id
    )


def _resolve(
    tx: Transaction, resolution: Resolution, asker: Asker, following: Following, now: datetime
) -> tuple[Effect, ...]:
    """Told in the job's topic, whose end was told as interrupted; what is queued may go on."""
    job = job_store.get(tx, resolution.job)
    assert job is not None
    to = Status.SUCCEEDED if resolution.succeeded else Status.FAILED
    decider = Decider(asker.name, _actor(asker), resolution.reason)
    job = by_hand.resolve(tx, job, to, decider, now)
    outgoing = following.outgoing
    told = JobResolved(
        job.id,
        job.command,
        resolution.succeeded,
        asker.name,
        asker.user_id,
        resolution.reason,
    )
    outgoing.post(tx, job, told, now)
    crashpoint("resolution_taken")
    if resolution.succeeded:
        outgoing.resolve(tx, job, now)
        if job.command_message_id is not None and job.epoch == following.engine.epoch:
            outgoing.change_mark(tx, job.command_message_id, CROSS, CHECK, now)
        return (LookForNext(),)
    # What it may have left running must not change the host beside the next job.
    newest = run_store.runs_of(tx, job.id)[-1:]
    return (*(EndRun(run.job_id, run.attempt) for run in newest), LookForNext())


def _break_glass(
    tx: Transaction, answer: Answer, asker: Asker, following: Following, now: datetime
) -> tuple[Effect, ...]:
    """Told in the job's topic and as an incident, as soon as Zulip can be told anything."""
    broken = answer.broken_glass
    assert broken is not None
    job = job_store.get(tx, broken.job)
    assert job is not None
    decider = Decider(asker.name, _actor(asker), broken.reason)
    job = by_hand.break_glass(tx, job, decider, now)
    following.outgoing.post(tx, job, answer.reply, now)
    new = NewIncident(
        kind=KIND,
        subject=f"#{job.id}",
        severity="critical",
        sentence=answer.reply.text(),
        detail={"job": job.id, "reason": broken.reason},
    )
    incidents.begin(tx, following.outgoing, new, now)
    return (LookForNext(),)


def _close(
    tx: Transaction, closing: Closing, asker: Asker, following: Following, now: datetime
) -> None:
    incident = incident_store.get(tx, closing.incident)
    assert incident is not None
    incident_store.close(
        tx, incident.id, by=asker.name, reason=closing.reason, actor=_actor(asker), at=now
    )
    told = IncidentEnded(incident.id, asker.name, asker.user_id, closing.reason)
    following.outgoing.go_on(tx, topic_of(incident), told, now)


def _actor(asker: Asker) -> str:
    """How the audit log calls whoever typed it."""
    return actor("chat", asker.user_id, asker.name) if asker.user_id else "host:root"
