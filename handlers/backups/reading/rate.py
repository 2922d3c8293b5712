"""How fast something goes, and how long it will still take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from handlers.wording import duration, size

#: Before that nothing can be said of it.
FIRST_SECONDS = 2.0


@dataclass(slots=True)
class Rate:
    """Of one thing, from the first look at it."""

    now: Callable[[], float] = time.monotonic
    #: When it was first looked at, and how much had been done by then.
    _start: tuple[float, int] | None = field(default=None, init=False)

    def said(self, done: int, total: int) -> str:
        """`: 42.0 MB/s, 3 min 20 s left`; nothing while nobody can tell."""
        if self._start is None:
            self._start = (self.now(), done)
        began, before = self._start
        seconds = self.now() - began
        if seconds < FIRST_SECONDS or done <= before:
            return ""
        rate = (done - before) / seconds
        left = max(0, total - done) / rate
        return f": {size(rate)}/s, {duration(left)} left" if left else f": {size(rate)}/s"
