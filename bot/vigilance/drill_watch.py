"""Makes an incident of a copy that a drill could not restore, and of a drill that is broken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.deciding.outgoing import Outgoing
from bot.replies.drills import DrillBroken, DrillFailed
from bot.replies.reply import Reply
from bot.vigilance import incidents
from jobs.lifecycle import Status
from state.database import Transaction
from state.incident_store import Incident, NewIncident
from state.job_store import Job

OPERATION = "drill"


def take(tx: Transaction, outgoing: Outgoing, job: Job, now: datetime) -> None:
    """What the end of a job means, in the transaction that takes it in.

    A drill that could not be carried out, for want of room for example, says nothing of a copy.
    """
    facts = (job.outcome or {}).get("facts")
    if job.operation != OPERATION or job.status != Status.FAILED or not isinstance(facts, Mapping):
        return
    failed, broken = facts.get("failed_drill"), facts.get("broken_drill")
    if isinstance(failed, Mapping):
        _failed(tx, outgoing, job, failed, now)
    if isinstance(broken, Mapping):
        _broken(tx, outgoing, job, now)


def _failed(
    tx: Transaction, outgoing: Outgoing, job: Job, failed: Mapping[str, Any], now: datetime
) -> None:
    snapshot, store, sentence = str(failed["snapshot"]), str(failed["store"]), job.sentence or ""

    def word(incident: Incident) -> Reply:
        return DrillFailed(outgoing.bot_name, incident.id, job.id, snapshot, store, sentence)

    new = NewIncident(
        kind="drill_failed",
        subject=f"{snapshot} in {store}",
        severity="critical",
        sentence=f"A drill of copy {snapshot} in {store} failed. {sentence}",
        detail={"job": job.id, "snapshot": snapshot, "store": store},
    )
    incidents.begin(tx, outgoing, new, now, word)


def _broken(tx: Transaction, outgoing: Outgoing, job: Job, now: datetime) -> None:
    sentence = job.sentence or ""

    def word(incident: Incident) -> Reply:
        return DrillBroken(outgoing.bot_name, incident.id, job.id, sentence)

    new = NewIncident(
        kind="drill_broken",
        subject="",
        severity="critical",
        sentence=sentence,
        detail={"job": job.id},
    )
    incidents.begin(tx, outgoing, new, now, word)
