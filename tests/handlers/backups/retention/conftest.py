"""A store with tiny copies, and what a run is given to prune it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.retention.tiny import TinyCopies
from handlers.backups.repository import CONFIGURATION, DATABASE, retired_ids, snapshot_ids
from handlers.backups.retention import delete_backup, keep_backup, marks, prune_backups
from handlers.contract import Context, Outcome, Plan
from handlers.errors import Reason, Refused
from handlers.host.object_store import open_store
from handlers.host.settings import HostSettings, KeepSettings, RetentionSettings, StoreSettings
from handlers.host.store_contract import Store
from tests.handlers.backups.conftest import Journal

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
#: The newest copy of a day is taken at 02:00.
NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)
RULES = RetentionSettings(KeepSettings(daily=2), proven=1, grace_hours=24)


@dataclass
class FixedClock:
    """Stands still, until a test moves it."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Shelf:
    """Everything that one test of retention works with."""

    settings: StoreSettings
    store: Store
    tiny: TinyCopies
    rules: RetentionSettings | None = RULES
    clock: FixedClock = field(default_factory=FixedClock)
    journal: Journal = field(default_factory=Journal)

    def context(self) -> Context:
        return Context(
            job=40,
            attempt=2,
            host=HostSettings(),
            stores=(self.settings,),
            journal=self.journal,
            clock=self.clock,
            retention=self.rules,
        )

    def nights(self, number: int, *, proven: Iterable[int] = (0,)) -> list[str]:
        """A copy of each of the last nights, newest first; each relies on the one before it."""
        made: list[str] = []
        for back in reversed(range(number)):
            add = self.tiny.add_proven if back in proven else self.tiny.add
            made.append(add(NIGHT - timedelta(days=back), made[-1:]))
        return made[::-1]

    def plan(self, store: str | None = None) -> Plan:
        return prune_backups.plan(self.context(), prune_backups.Args(store))

    def prune(self) -> Outcome:
        """As the runner does it: plan, then run."""
        return prune_backups.run(self.context(), prune_backups.Args(), self.plan())

    def prune_after_grace(self) -> Outcome:
        """Mark, wait, remove; a copy of the night comes meanwhile, as it does."""
        self.prune()
        self.clock.at += timedelta(days=1)
        return self.prune()

    def keep(self, copy: str, until: datetime | None) -> Outcome:
        args = keep_backup.Args(copy, "off" if until is None else until.isoformat())
        plan = keep_backup.plan(self.context(), args)
        _judge(plan)
        return keep_backup.run(self.context(), args, plan)

    def delete(self, copy: str) -> Outcome:
        args = delete_backup.Args(copy)
        plan = delete_backup.plan(self.context(), args)
        _judge(plan)
        return delete_backup.run(self.context(), args, plan)

    @property
    def copies(self) -> set[str]:
        return set(snapshot_ids(self.store))

    @property
    def retired(self) -> set[str]:
        return set(retired_ids(self.store))

    @property
    def marked(self) -> set[str]:
        return set(marks.marked(self.store))

    def objects(self, snapshot: str) -> set[str]:
        """The streams of which something lies there."""
        keys = (entry.key for entry in self.store.entries(f"objects/{snapshot}/"))
        return {key.rpartition("/")[2].partition("-")[0] for key in keys}

    def is_whole(self, snapshot: str) -> bool:
        own = self.objects(snapshot) >= {DATABASE, CONFIGURATION, "uploads", "index"}
        return own and all("uploads" in self.objects(each) for each in self.tiny.needs[snapshot])


def _judge(plan: Plan) -> None:
    """As the runner does before anything starts."""
    unmet = [check.sentence for check in plan.preconditions if not check.holds]
    if unmet:
        raise Refused(" ".join(unmet), reason=Reason.PREFLIGHT_FAILED)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    settings = StoreSettings(name="local", path=tmp_path / "copies")
    store = open_store(settings)
    return Shelf(settings, store, TinyCopies(store))
