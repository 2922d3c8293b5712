"""Tells that Zulip is away once, and logs it once a minute while it lasts."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from bot.events import ConnectionLost, Event
from bot.zulip_api.answers import Failure, RateLimited, Unauthorized, sentence

logger = logging.getLogger(__name__)

LOG_EVERY = timedelta(seconds=60)


class Outage:
    """The time between losing Zulip and having it back."""

    def __init__(self, deliver: Callable[[Event], None]) -> None:
        self._deliver = deliver
        self._began_at: float | None = None
        self._logged_at: float | None = None

    def goes_on(self, failure: Failure) -> None:
        """A call failed; the first time and once a minute that is worth a line."""
        now = time.monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_EVERY.total_seconds():
            self._logged_at = now
            level = logging.CRITICAL if isinstance(failure, Unauthorized) else logging.WARNING
            logger.log(level, "%s Trying again.", sentence(failure))
        if self._began_at is None and not isinstance(failure, RateLimited):
            self._began_at = now
            self._deliver(ConnectionLost(sentence(failure)))

    def is_over(self) -> None:
        if self._began_at is not None:
            logger.info("Zulip answers again after %.0f s.", time.monotonic() - self._began_at)
        self._began_at = None
        self._logged_at = None
