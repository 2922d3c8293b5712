"""A sample host with a real database, and what a run is given to work on it."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.host import Extent, SampleHost
from handlers.backups import take_backup
from handlers.contract import JSON, Context, Outcome
from handlers.host.settings import KeySettings, StoreSettings

SMALL = Extent(messages=300, uploads=40)
START = datetime(2026, 11, 23, 15, 2, tzinfo=UTC)


@dataclass
class Journal:
    """Keeps what a run said."""

    steps: list[tuple[str, bool]] = field(default_factory=list)
    said: list[tuple[str, int | None, int | None]] = field(default_factory=list)
    facts: dict[str, JSON] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    #: Called when a step begins, for tests that break something in the middle.
    on_step: Callable[[str], None] = lambda title: None
    #: Called with what is copied or read so far.
    on_progress: Callable[[int], None] = lambda done: None

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.on_step(title)
        try:
            yield
        except BaseException:
            self.steps.append((title, False))
            raise
        self.steps.append((title, True))

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        self.said.append((sentence, done, total))
        self.on_progress(done or 0)

    def fact(self, name: str, value: JSON) -> None:
        self.facts[name] = value

    def output(self, text: str) -> None:
        self.outputs.append(text)


class TickingClock:
    """Every look at it is a second later."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def move(self, duration: timedelta) -> None:
        self._now += duration


@dataclass
class Desk:
    """Everything that one test of backups works with."""

    host: SampleHost
    stores: tuple[StoreSettings, ...]
    journal: Journal
    clock: TickingClock
    #: To whom it seals; nothing is sealed unless a test says so.
    keys: KeySettings = field(default_factory=KeySettings)

    @property
    def store(self) -> StoreSettings:
        return self.stores[0]

    @property
    def directory(self) -> Path:
        """Where the first store lies."""
        assert self.store.path is not None
        return self.store.path

    def context(self, *stores: StoreSettings) -> Context:
        return Context(
            job=12,
            attempt=2,
            host=self.host.settings(),
            stores=stores or self.stores,
            journal=self.journal,
            clock=self.clock,
            keys=self.keys,
            state_directory=self.host.root.with_name("state"),
        )

    def back_up(self, *stores: StoreSettings, to: str | None = None) -> Outcome:
        """As the runner does it: plan, then run."""
        context, args = self.context(*stores), take_backup.Args(to=to)
        return take_backup.run(context, args, take_backup.plan(context, args))


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[[PostgresCluster], Desk]]:
    made: list[tuple[PostgresCluster, str]] = []

    def make(cluster: PostgresCluster) -> Desk:
        name = f"zulip_{uuid.uuid4().hex[:12]}"
        made.append((cluster, name))
        root = tmp_path / "host"
        host = SampleHost.create(root, database=(cluster, name), extent=SMALL)
        store = StoreSettings(name="disk", path=tmp_path / "copies")
        return Desk(host, (store,), Journal(), TickingClock())

    yield make
    for cluster, name in made:
        if (cluster.data / "postmaster.pid").exists():
            cluster.drop_database(name)


@pytest.fixture
def desk(make_desk: Callable[[PostgresCluster], Desk], cluster: PostgresCluster) -> Desk:
    """A sample host with a small database and one local store."""
    return make_desk(cluster)
