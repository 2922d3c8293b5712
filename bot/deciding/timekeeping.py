"""Puts what schedules owe into the inbox, each due time once."""

import logging
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bot.deciding.outgoing import Outgoing, schedule_topic
from bot.permissions import why_void
from bot.replies.answers import ScheduleMissed
from bot.replies.scheduling import ScheduleSuspended
from jobs.configuration import Policy
from jobs.lifecycle import Status
from jobs.runs.crashpoints import crashpoint
from jobs.schedules import Reckoning, reckon, recurrence_of_row, source_key
from state import inbox, job_store, schedule_store
from state.database import Transaction
from state.inbox import Entry, NewEntry
from state.schedule_store import Schedule

#: How the inbox marks a run that makes up for a missed one.
CAUGHT_UP = "caught up"
ON_TIME = "schedule"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """Reckons from the database, so a call too many and a restart do no harm."""

    policy: Policy
    epoch: int

    def owed(self, tx: Transaction, outgoing: Outgoing, now: datetime) -> list[Entry]:
        """The commands that are due now, taken into the inbox."""
        entries: list[Entry] = []
        for schedule in schedule_store.all_schedules(tx):
            if schedule.paused or schedule.suspended is not None:
                continue
            since = max(schedule.last_due_at or schedule.created_at, schedule.created_at)
            reckoning = reckon(recurrence_of_row(schedule), since, now)
            why = why_void(self.policy, self.epoch, schedule)
            if why is not None and (reckoning.due or reckoning.missed):
                suspend(tx, outgoing, schedule, why, now)
                continue
            entries += self._enqueue(tx, schedule, reckoning, now)
            self._tell_missed(tx, outgoing, schedule, reckoning, now)
        return entries

    def _enqueue(
        self, tx: Transaction, schedule: Schedule, reckoning: Reckoning, now: datetime
    ) -> list[Entry]:
        entries = []
        for due in reckoning.due:
            if self._still_waits(tx, schedule):
                schedule_store.record_due(tx, schedule.name, due.due_at, now, caught_up=False)
                _logger.info("Schedule %s is due, and its last job still waits.", schedule.name)
                continue
            recorded = schedule_store.record_due(
                tx, schedule.name, due.due_at, now, caught_up=due.caught_up
            )
            client = CAUGHT_UP if due.caught_up else ON_TIME
            new = due_entry(schedule, due.due_at, client, self.epoch, now)
            entry = inbox.add(tx, new) if recorded else None
            if entry is not None:
                _logger.info("Schedule %s is due since %s.", schedule.name, due.due_at)
                entries.append(entry)
                crashpoint("due_recorded")
        return entries

    def _still_waits(self, tx: Transaction, schedule: Schedule) -> bool:
        """A hold of a week must not end with seven upgrades."""
        return any(
            job.origin == "schedule" and job.asker_name == schedule.name
            for job in job_store.in_status(tx, Status.QUEUED)
        )

    def _tell_missed(
        self,
        tx: Transaction,
        outgoing: Outgoing,
        schedule: Schedule,
        reckoning: Reckoning,
        now: datetime,
    ) -> None:
        """Missed runs that nothing makes up for are settled too, and told once."""
        if not reckoning.missed:
            return
        if not reckoning.due:
            schedule_store.record_due(tx, schedule.name, reckoning.missed[-1], now, caught_up=False)
        missed = ScheduleMissed(
            name=schedule.name,
            command=schedule.command,
            missed=len(reckoning.missed),
            first_due_at=reckoning.missed[0].isoformat(),
            caught_up=bool(reckoning.due),
        )
        outgoing.say(tx, schedule_topic(schedule.name), missed, now)


def due_entry(
    schedule: Schedule, due_at: datetime, client: str, epoch: int, now: datetime
) -> NewEntry:
    """The command of a schedule as it comes into the inbox; with whoever added it as its sender,
    so that their account is read before it runs."""
    return NewEntry(
        origin="schedule",
        source_key=source_key(schedule.name, due_at),
        epoch=epoch,
        message_id=None,
        sender_id=schedule.asker_id,
        sender_name=schedule.name,
        content=schedule.command,
        content_sha256=sha256(schedule.command.encode()).hexdigest(),
        channel_id=None,
        topic=None,
        direct=False,
        client=client,
        sent_at=due_at,
        received_at=now,
    )


def suspend(
    tx: Transaction,
    outgoing: Outgoing,
    schedule: Schedule,
    why: str,
    now: datetime,
    *,
    was_due: bool = True,
) -> None:
    """Nothing runs on consent that does not hold; said once."""
    if schedule_store.suspend(tx, schedule.name, why, at=now):
        said = ScheduleSuspended(
            outgoing.bot_name, schedule.name, schedule.command, why, schedule.asker_id, was_due
        )
        outgoing.say(tx, schedule_topic(schedule.name), said, now)
