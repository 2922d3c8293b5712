"""Keeps in order what the database could not take, and says in the log what is wrong meanwhile."""

import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from state.database import DatabaseUnusable

_logger = logging.getLogger(__name__)

#: After the database refused: how long before the next attempt.
RETRY_EVERY = timedelta(seconds=2)
LOG_EVERY = timedelta(seconds=60)

#: Raises DatabaseUnusable when it has to be done again.
Work = Callable[[], object]


class Postponed:
    """From the first refusal until everything that waited is done, nothing new is begun.

    For the dispatcher's thread alone.
    """

    def __init__(
        self, recover: Callable[[timedelta], None], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """`recover` is the last that is done: it is told how long the trouble has lasted."""
        self._recover = recover
        self._seconds = seconds
        self._waiting: deque[Work] = deque()
        #: Monotonic, as all of them.
        self._began_at: float | None = None
        self._try_at = 0.0
        self._log_at = 0.0
        self.sentence = ""

    @property
    def is_refused(self) -> bool:
        """Whether the database refused, and does not yet take what waits."""
        return self._began_at is not None

    def keep(self, work: Work) -> None:
        """It is done when the database takes it, after all that was kept before."""
        self._waiting.append(work)

    def refused(self, error: DatabaseUnusable) -> None:
        """Say so now, and once a minute as long as it lasts."""
        now = self._seconds()
        self.sentence = error.message
        self._try_at = now + RETRY_EVERY.total_seconds()
        if self._began_at is None:
            self._began_at = now
        if now >= self._log_at:
            self._log_at = now + LOG_EVERY.total_seconds()
            _logger.critical(
                "%s Until then no command is taken in and nothing is started; what was acknowledged"
                " stays, and what comes meanwhile is taken in afterwards.",
                error.message,
                extra={"event": "database_refuses"},
            )

    def try_again(self) -> None:
        """Do what waits, if it is time; all is well again once `is_refused` is false."""
        if self._began_at is None or self._seconds() < self._try_at:
            return
        try:
            while self._waiting:
                self._waiting[0]()
                self._waiting.popleft()
            lasted = timedelta(seconds=self._seconds() - self._began_at)
            self._recover(lasted)
        except DatabaseUnusable as error:
            self.refused(error)
            return
        self._began_at = None
        _logger.warning(
            "The database takes everything again, after %.0f s.",
            lasted.total_seconds(),
            extra={"event": "database_recovered"},
        )
