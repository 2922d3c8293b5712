"""Puts what schedules owe into the inbox, each due time once."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bot.deciding.outgoing import Outgoing, schedule_topic
from bot.replies.answers import ScheduleMissed
from jobs.runs.crashpoints import crashpoint
from jobs.schedules import Due, Reckoning, Recurrence, reckon, source_key
from state import inbox, schedule_store
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

    recurrences: Mapping[str, Recurrence]
    epoch: int

    def owed(self, tx: Transaction, outgoing: Outgoing, now: datetime) -> list[Entry]:
        """The commands that are due now, taken into the inbox."""
        entries: list[Entry] = []
        for schedule in schedule_store.all_schedules(tx):
            recurrence = self.recurrences.get(schedule.name)
            if recurrence is None or schedule.paused:
                continue
            since = max(schedule.last_due_at or schedule.created_at, schedule.created_at)
            reckoning = reckon(recurrence, since, now)
            entries += self._enqueue(tx, schedule, reckoning, now)
            self._tell_missed(tx, outgoing, schedule, reckoning, now)
        return entries

    def _enqueue(
        self, tx: Transaction, schedule: Schedule, reckoning: Reckoning, now: datetime
    ) -> list[Entry]:
        entries = []
        for due in reckoning.due:
            recorded = schedule_store.record_due(
                tx, schedule.name, due.due_at, now, caught_up=due.caught_up
            )
            entry = inbox.add(tx, self._entry(schedule, due, now)) if recorded else None
            if entry is not None:
                _logger.info("Schedule %s is due since %s.", schedule.name, due.due_at)
                entries.append(entry)
                crashpoint("due_recorded")
        return entries

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

    def _entry(self, schedule: Schedule, due: Due, now: datetime) -> NewEntry:
        return NewEntry(
            origin="schedule",
            source_key=source_key(schedule.name, due.due_at),
            epoch=self.epoch,
            message_id=None,
            sender_id=None,
            sender_name=schedule.name,
            content=schedule.command,
            content_sha256=sha256(schedule.command.encode()).hexdigest(),
            channel_id=None,
            topic=None,
            direct=False,
            client=CAUGHT_UP if due.caught_up else ON_TIME,
            sent_at=due.due_at,
            received_at=now,
        )
