"""Says how fast a backup is and how long it may still take."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from handlers.backups.repository import DATABASE, UPLOADS, Snapshot
from handlers.wording import duration, size

#: Before that no rate is worth telling.
AFTER_SECONDS = 2.0


def expected_dump(tables_bytes: int, size_bytes: int, earlier: Snapshot | None) -> int:
    """How large the dump may get: as an earlier one in its proportion, or as the tables are."""
    if earlier is not None and (dumped := earlier.plain_bytes(DATABASE)):
        facts = earlier.facts.get("postgresql")
        then = facts.get("size_bytes") if isinstance(facts, dict) else None
        if isinstance(then, int) and then > 0:
            return dumped * size_bytes // then
    return tables_bytes


@dataclass(slots=True)
class Pace:
    """One copying; the rate is that of all since it began."""

    expected_dump_bytes: int = 0
    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def sentence(self, done: Mapping[str, int], read_back_bytes: int) -> str:
        """`done` are plain bytes by stream."""
        parts = [self._part(name, done[name]) for name in (DATABASE, UPLOADS) if name in done]
        told = f"Copied: {', '.join(parts) or 'nothing yet'}."
        seconds = self.clock() - self._started
        if seconds >= AFTER_SECONDS and any(done.values()):
            told += f" {size(sum(done.values()) / seconds)}/s{self._left(done, seconds)}."
        return f"{told} Read back: {size(read_back_bytes)}, compressed."

    def _part(self, name: str, done: int) -> str:
        expected = self.expected_dump_bytes if name == DATABASE else 0
        return f"{name} {size(done)}" + (f" of about {size(expected)}" if expected > done else "")

    def _left(self, done: Mapping[str, int], seconds: float) -> str:
        dumped, expected = done.get(DATABASE, 0), self.expected_dump_bytes
        if not 0 < dumped < expected:
            return ""
        left = round((expected - dumped) * seconds / dumped)
        return f", about {duration(left)} left for the database"
