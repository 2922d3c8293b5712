"""How many commands one person may give in a minute."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
#: Whoever asked a lot can still stop something: commands that begin so are counted by themselves.
URGENT = frozenset({"approve", "reject", "cancel"})


@dataclass(slots=True)
class Quota:
    """Counts by when commands were written, so that a gap is not a flood; forgets at a restart."""

    commands: int
    #: By person and urgency: when the last commands that were taken had been written.
    _taken: dict[tuple[int, bool], deque[datetime]] = field(default_factory=dict)

    def takes(self, person_id: int, text: str, written_at: datetime) -> bool:
        """Whether this command is taken; it counts if it is."""
        free_at = self.free_at(person_id, text)
        if free_at is not None and written_at < free_at:
            return False
        key = (person_id, _is_urgent(text))
        self._taken.setdefault(key, deque(maxlen=self.commands)).append(written_at)
        return True

    def free_at(self, person_id: int, text: str) -> datetime | None:
        """From when on such a command of this person is taken; None: whenever it comes."""
        taken = self._taken.get((person_id, _is_urgent(text)))
        if taken is None or len(taken) < self.commands:
            return None
        return taken[0] + WINDOW


def _is_urgent(text: str) -> bool:
    return text.partition(" ")[0].casefold() in URGENT
