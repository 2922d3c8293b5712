"""Keeps one message, however people play with it, from taking the calls that others need."""

import time
from collections.abc import Callable

#: So many looks at one message at once, and then one in so many seconds: nobody who decides
#: something waits, and of the 200 calls a minute a flood takes a third at most.
AT_ONCE = 10
SECONDS_EACH = 4.0


class LookPace:
    """A bucket of looks for each message, which fills up steadily."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, *, at_once: int = AT_ONCE
    ) -> None:
        self._now = now
        self._at_once = at_once
        #: By message: when its bucket will be full again.
        self._full_at: dict[int, float] = {}

    def next_look_at(self, message_id: int) -> float:
        """The earliest moment for another look, which is counted as made then."""
        now = self._now()
        for rested in [one for one, full_at in self._full_at.items() if full_at <= now]:
            del self._full_at[rested]
        full_at = self._full_at.get(message_id, now) + SECONDS_EACH
        self._full_at[message_id] = full_at
        return max(now, full_at - self._at_once * SECONDS_EACH)
