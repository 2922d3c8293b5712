"""Says in one message what concerns many commands of one person."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.deciding.outgoing import PROGRESS, Outgoing
from bot.deciding.quota import WINDOW, Quota
from bot.replies.refusals import TooMany, TooOld
from state import outbox
from state.database import Transaction
from state.inbox import Entry
from state.outbox import NewRow, Row

#: What was missed is read page by page; its message waits for so long after each command.
GATHER_MISSED = timedelta(seconds=2)
#: So long at most, however much there is.
LONGEST_GATHERING = timedelta(seconds=20)
#: A flood has more where that came from, but whoever types should not wait.
GATHER_FLOOD = timedelta(seconds=1)
#: Later ones of the same flood are counted in the message that is there.
RECOUNT = timedelta(seconds=30)
#: A message can be edited for ten minutes; what comes later than this is another flood.
LONGEST_FLOOD = timedelta(minutes=5)


@dataclass(slots=True)
class _Flood:
    """What one person was told of commands that were too many."""

    row_id: int
    began_at: datetime
    last_at: datetime
    count: int = 1

    def goes_on(self, now: datetime) -> bool:
        return now - self.last_at <= WINDOW and now - self.began_at <= LONGEST_FLOOD


@dataclass(frozen=True, slots=True)
class Gathering:
    """Makes rows that wait a moment for more of their kind."""

    outgoing: Outgoing
    quota: Quota
    #: By person; a restart forgets them, and the next command too many begins another message.
    _floods: dict[int, _Flood] = field(default_factory=dict)

    def offer(self, tx: Transaction, entry: Entry, now: datetime) -> None:
        """It was found too late to be run: one message for each place and person."""
        lane = f"missed/{self.outgoing.lane_of(entry)}/{entry.sender_id}"
        waiting = [row for row in outbox.pending_in_lane(tx, lane) if row.status == "new"]
        if waiting:
            row = waiting[-1]
            reply = TooOld.from_stored(row.facts).and_also(entry.content)
            not_before = min(now + GATHER_MISSED, row.created_at + LONGEST_GATHERING)
            outbox.change_waiting(tx, row.id, reply.stored(), not_before)
            return
        first = TooOld([entry.content or "that"], entry.sent_at.isoformat())
        self.outgoing.answer_together(tx, entry, first, lane, now + GATHER_MISSED, now)

    def turn_away(self, tx: Transaction, entry: Entry, now: datetime) -> None:
        """It was one too many: one message for each person, which then goes on counting."""
        assert entry.sender_id is not None
        lane = f"too many/{entry.sender_id}"
        free_at = (self.quota.free_at(entry.sender_id, entry.content) or now).isoformat()
        told = self._told(tx, entry.sender_id, now)
        if told is None:
            reply = TooMany(1, self.quota.commands, free_at)
            row_id = self.outgoing.answer_together(tx, entry, reply, lane, now + GATHER_FLOOD, now)
            self._floods[entry.sender_id] = _Flood(row_id, now, now)
            return
        flood = self._floods[entry.sender_id]
        flood.count += 1
        flood.last_at = now
        reply = TooMany(flood.count, self.quota.commands, free_at)
        if told.status == "new":
            outbox.change_waiting(tx, told.id, reply.stored(), told.not_before or now)
        else:
            outbox.add_or_replace(tx, _recount(told, reply, now))

    def _told(self, tx: Transaction, person_id: int, now: datetime) -> Row | None:
        """The message of a flood that goes on."""
        flood = self._floods.get(person_id)
        if flood is None or not flood.goes_on(now):
            return None
        row = outbox.get(tx, flood.row_id)
        return None if row is None or row.status == "dropped" else row


def _recount(told: Row, reply: TooMany, now: datetime) -> NewRow:
    return NewRow(
        lane=told.lane,
        action="edit",
        target={"type": "sent", "outbox_id": told.id},
        kind=reply.kind,
        facts=reply.stored(),
        priority=PROGRESS,
        created_at=now,
        not_before=now + RECOUNT,
    )
