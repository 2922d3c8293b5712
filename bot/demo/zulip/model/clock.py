"""The clock of the simulated server, which tests can set forward."""

from datetime import UTC, datetime, timedelta


class RealmClock:
    """The host's time plus what it was set forward; decides edit limits, rates and idle queues."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, ahead: timedelta) -> None:
        self._ahead += ahead

    def timestamp(self) -> float:
        """Seconds since 1970."""
        return self.now().timestamp()
