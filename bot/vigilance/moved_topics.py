"""Tells when the topic of a job was moved to where other people read it."""

from datetime import datetime

from bot.deciding.outgoing import Outgoing
from bot.events import MessagesMoved
from bot.replies.alarms import TopicMoved
from bot.vigilance import incidents
from state import job_store
from state.database import Transaction
from state.incident_store import NewIncident


def notice(tx: Transaction, outgoing: Outgoing, moved: MessagesMoved, now: datetime) -> None:
    """One incident a job; what the bot says from here on goes to its channel all the same."""
    if moved.channel_id == outgoing.channel_id:
        return
    places = set(moved.message_ids)
    for job in job_store.open_jobs(tx):
        if job.anchor_message_id not in places:
            continue
        new = NewIncident(
            kind="moved_topic",
            subject=f"#{job.id}",
            severity="warning",
            sentence=TopicMoved(job.id, job.command, outgoing.channel).text(),
            detail={"job": job.id, "channel": moved.channel_id},
        )
        incidents.begin(tx, outgoing, new, now)
