"""Begins a new epoch: voids what waited, lets runs end, and tells it all in one message."""

from collections.abc import Callable
from datetime import datetime

from bot.deciding.effects import Effect
from bot.deciding.following import Following
from bot.deciding.scheduling import wake
from bot.deciding.timekeeping import suspend
from bot.events import EpochEnded
from bot.permissions import why_void
from bot.replies.vigilance import EpochBegan, GoesOn
from bot.vigilance import incidents, voiding
from handlers.errors import Reason
from jobs.engine import Consent
from jobs.lifecycle import Status
from state import cursor, epochs, incident_store, job_store, schedule_store
from state.cursor import Cursor
from state.database import Transaction
from state.epochs import Begun
from state.incident_store import Incident
from state.job_store import Job

#: What waits hangs on messages that are others now.
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
    waited = voiding.waiting(tx)
    effects = voiding.void(tx, following, waited, (Reason.EPOCH_CHANGED, VOID), now)
    running = job_store.in_status(tx, Status.RUNNING)
    for job in running:
        if job.consent != Consent.SCHEDULE:
            following.outgoing.post(tx, job, GoesOn(job.id, job.command, begun.number), now)
    suspended = _suspend(tx, following, now)
    new = incident_store.NewIncident(
        kind="epoch",
        subject=str(begun.number),
        severity="warning",
        sentence=f"Zulip's message numbers began again: epoch {begun.number}.",
        detail={"evidence": ended.evidence.value, "watermark": ended.watermark},
    )
    word = _words(following.outgoing.bot_name, begun, ended, waited, running, suspended)
    incidents.begin(tx, following.outgoing, new, now, word)
    return (*effects, wake(tx))


def _suspend(tx: Transaction, following: Following, now: datetime) -> list[str]:
    """What people agreed to in the epoch before runs no more, and each is told in its topic: the
    message with their consent may be gone, or another. Gives the names."""
    suspended = []
    for schedule in schedule_store.all_schedules(tx):
        why = why_void(following.engine.policy, following.engine.epoch, schedule)
        if why is not None and schedule.suspended is None:
            suspend(tx, following.outgoing, schedule, why, now, was_due=False)
            suspended.append(schedule.name)
    return suspended


def _words(
    bot_name: str,
    begun: Begun,
    ended: EpochEnded,
    waited: list[Job],
    running: list[Job],
    suspended: list[str],
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
            suspended=suspended,
        )

    return words
