"""How long to wait: between attempts, and for the server's limit on calls."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=60)
#: Zulip allows 200 calls a minute and user; the rest is for reading what decisions need.
CALLS_A_MINUTE = 120
#: By priority of the outbox: this part of the minute must be free before a call of that kind goes.
#: A flood of acknowledgements does not shut approvals out, nor answers and progress either of them.
#: Answers leave so much that a command each second, day in, day out, gets its 👀 at once.
KEPT_FREE = {0: 1 / 12, 1: 0.0, 2: 1 / 3, 3: 1 / 2}

_dice = random.SystemRandom()


class Backoff:
    """Doubling waits from one second to a minute, each shortened by chance, until it worked."""

    def __init__(self, chance: Callable[[], float] = _dice.random) -> None:
        self._chance = chance
        self._failures = 0

    def worked(self) -> None:
        self._failures = 0

    def next_wait(self) -> timedelta:
        """Between half of the wait and the whole of it."""
        whole = min(FIRST_WAIT * float(2 ** min(self._failures, 10)), LONGEST_WAIT)
        self._failures += 1
        return whole * (0.5 + self._chance() / 2)


class Allowance:
    """At most so many calls in any sixty seconds, shared by threads; the urgent go first."""

    def __init__(
        self, calls_a_minute: int = CALLS_A_MINUTE, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = calls_a_minute
        self._now = now
        self._made: deque[float] = deque()
        self._guard = threading.Lock()

    def take(self, priority: int) -> timedelta:
        """Zero if the call may go now, and it is counted; else how long until it may."""
        with self._guard:
            now = self._forget_old()
            usable = max(1, int(self._limit * (1 - KEPT_FREE.get(priority, KEPT_FREE[3]))))
            if len(self._made) < usable:
                self._made.append(now)
                return timedelta(0)
            # As many must grow old as stand between here and the first free place.
            return timedelta(seconds=self._made[len(self._made) - usable] + 60 - now)

    def count(self) -> None:
        """A call that had to go, limit or not."""
        with self._guard:
            self._made.append(self._forget_old())

    def _forget_old(self) -> float:
        now = self._now()
        while self._made and self._made[0] <= now - 60:
            self._made.popleft()
        return now
