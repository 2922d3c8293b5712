"""Who the senders of commands are, looked up no oftener than their commands demand."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.observations import Observation, PersonSeen
from state.inbox import Entry

#: For a command that only reads, a sender may be known from so long ago. Whatever can change
#: something is decided on a look that began after the command had come in.
KNOWN_FOR = timedelta(seconds=10)
#: To be refused, from so long ago: a flood costs no more looks than its beginning did.
KNOWN_TO_REFUSE = timedelta(minutes=5)
#: As long as there are fewer looks than this in a minute, every command gets one of its own.
LOOKS_A_MINUTE = 60
#: A look that nobody hears of again, because its decision was undone, is not waited for.
LOST_AFTER = timedelta(seconds=5)


@dataclass(slots=True)
class Askers:
    """What was seen of whom, and for which command a look is under way; forgets at a restart."""

    _seen: dict[int, Observation] = field(default_factory=dict)
    _asked: dict[int, tuple[int, datetime]] = field(default_factory=dict)
    #: When the looks of the last minute began.
    _looks: deque[datetime] = field(default_factory=lambda: deque(maxlen=LOOKS_A_MINUTE))

    def known(self, entry: Entry, now: datetime, *, only_reads: bool) -> Observation | None:
        """What is known of the sender, if it counts for this command."""
        seen = self._seen.get(entry.sender_id or 0)
        if seen is None or not counts(seen, entry, now, only_reads=only_reads):
            return None
        return seen if entry.refusal is not None or self._is_crowded(now) else None

    def _is_crowded(self, now: datetime) -> bool:
        while self._looks and now - self._looks[0] > timedelta(minutes=1):
            self._looks.popleft()
        return len(self._looks) >= LOOKS_A_MINUTE

    def is_asked(self, entry: Entry, now: datetime, *, only_reads: bool) -> bool:
        """Whether a look is under way that will count for this command too."""
        entry_id, asked_at = self._asked.get(entry.sender_id or 0, (entry.id, now))
        # The same entry again: the transaction that asked was undone.
        return only_reads and entry_id != entry.id and now - asked_at < LOST_AFTER

    def ask(self, entry: Entry, now: datetime) -> None:
        """A look at the sender of this command begins."""
        assert entry.sender_id is not None
        self._asked[entry.sender_id] = (entry.id, now)
        self._looks.append(now)

    def seen(self, person_id: int, observation: Observation) -> None:
        """A look has ended; one that was used before changes nothing."""
        began_at = observation.fetch_started_at
        _, asked_at = self._asked.get(person_id, (0, began_at))
        if asked_at <= began_at:
            self._asked.pop(person_id, None)
        known = self._seen.get(person_id)
        is_newer = known is None or known.fetch_started_at < began_at
        if is_newer and isinstance(observation.seen, PersonSeen):
            self._seen[person_id] = observation


def counts(observation: Observation, entry: Entry, now: datetime, *, only_reads: bool) -> bool:
    """Whether a command of this person may be decided on that look."""
    began_at = observation.fetch_started_at
    known_for = KNOWN_FOR if entry.refusal is None else KNOWN_TO_REFUSE
    return began_at >= entry.received_at or (only_reads and now - began_at <= known_for)
