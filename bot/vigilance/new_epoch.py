"""Begins a new epoch: voids what waited, lets runs end, and tells it all in one message."""

from collections.abc import Callable
from datetime import datetime

from bot.deciding.effects import Effect, EndRun
from bot.deciding.following import Following
from bot.events import EpochEnded
from bot.replies.vigilance import EpochBegan, GoesOn
from bot.vigilance import incidents
from handlers.errors import Reason
from jobs.engine import Consent
from jobs.lifecycle import Status
from state import cursor, epochs, incident_store, job_store, run_store
from state.cursor import Cursor
from state.database import Transaction
from state.epochs import Begun
from state.incident_store import Incident
from state.job_store import Job

#: What waits in one of these hangs on messages that are others now.
WAITING = (Status.PLANNING, Status.AWAITING_APPROVAL, Status.ARMING, Status.QUEUED)
VOID = (
    "Zulip's message numbers began again before it had started, so its consent is void and nothing"
    " was done."
)


def begin(tx: Transaction, ended: EpochEnded, now: datetime) -> Begun:
    """Void what names old messages; the cursor goes on behind what was seen."""
    position = cursor.load(tx)
    begun = epochs.begin(
        tx,
        same_server=ended.same_server,
        reason=ended.evidence.value,
        actor="zulip-ops",
        at=now,
    )
    if position is not None:
        cursor.save(tx, _behind(position, ended))
    return begun


def _behind(position: Cursor, ended: EpochEnded) -> Cursor:
    return Cursor(
        queue_id=position.queue_id,
        last_event_id=position.last_event_id,
        last_message_id=ended.resume_after,
        server_generation=position.server_generation,
        zulip_version=position.zulip_version,
    )


def tell(
    tx: Transaction, following: Following, begun: Begun, ended: EpochEnded, now: datetime
) -> tuple[Effect, ...]:
    """End the jobs that waited and say so; `following` belongs to the new epoch already."""
    waited = job_store.in_status(tx, *WAITING)
    effects = [effect for job in waited for effect in _void(tx, following, job, now)]
    running = job_store.in_status(tx, Status.RUNNING)
    for job in running:
        if job.consent != Consent.SCHEDULE:
            following.outgoing.post(tx, job, GoesOn(job.id, job.command, begun.number), now)
    new = incident_store.NewIncident(
        kind="epoch",
        subject=str(begun.number),
        severity="warning",
        sentence=f"Zulip's message numbers began again: epoch {begun.number}.",
        detail={"evidence": ended.evidence.value, "watermark": ended.watermark},
    )
    word = _words(following.outgoing.bot_name, begun, ended, waited, running)
    incidents.begin(tx, following.outgoing, new, now, word)
    return tuple(effects)


def _void(tx: Transaction, following: Following, job: Job, now: datetime) -> list[Effect]:
    """Its end is told in its topic; a run that was making its plan has nothing to plan for."""
    planning: list[Effect] = [
        EndRun(run.job_id, run.attempt) for run in run_store.open_runs(tx) if run.job_id == job.id
    ]
    stale = following.engine.close(tx, job, Status.STALE, Reason.EPOCH_CHANGED, VOID, now)
    following.finish(tx, stale, now)
    return planning


def _words(
    bot_name: str, begun: Begun, ended: EpochEnded, waited: list[Job], running: list[Job]
) -> Callable[[Incident], EpochBegan]:
    def words(incident: Incident) -> EpochBegan:
        return EpochBegan(
            bot_name=bot_name,
            number=begun.number,
            evidence=ended.evidence.value,
            watermark=ended.watermark,
            noticed_on=ended.noticed_on,
            stale=[{"id": job.id, "command": job.command} for job in waited],
            running=[job.id for job in running],
            commands=list(begun.commands),
            dropped=begun.dropped,
            incident=incident.id,
        )

    return words
