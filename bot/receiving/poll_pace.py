"""Keeps the polls below the server's limit without delaying those that come now and then."""

import time
from collections.abc import Callable
from datetime import timedelta

#: Zulip answers 200 polls a minute and user, and then none for up to a minute. Together these two
#: make at most 195: so many at once, and so many more in each second.
AT_ONCE = 12
A_SECOND = 3.05


class PollPace:
    """A bucket of polls that fills up steadily; only who empties it waits, a third of a second.

    Events that come one by one three times a second never wait: a command costs three polls (the
    message, the bot's own reaction, its own reply).
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left = float(AT_ONCE)
        self._looked_at = now()

    def wait_for_next(self) -> timedelta:
        """How long to wait before the next poll, which is counted as made after that."""
        now = self._now()
        self._left = min(float(AT_ONCE), self._left + (now - self._looked_at) * A_SECOND)
        self._looked_at = now
        self._left -= 1
        return timedelta(seconds=max(0.0, -self._left / A_SECOND))
