"""The clock of the machine."""

from datetime import UTC, datetime


class SystemClock:
    """Satisfies `handlers.contract.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)
