"""A sample host whose Zulip really answers, goes away and comes back, and runs on it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.demo.host_on_air import HostOnAir
from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.host import Extent, SampleHost
from bot.demo.zulip.server import SimulatedZulip
from handlers.contract import Context, Outcome, Plan
from handlers.host.settings import StoreSettings
from handlers.upgrades import rollback, upgrade
from tests.handlers.backups.conftest import Journal, TickingClock

#: Two migrations that only release 1.5 brings.
NEW = ("0600_sample_rows", "0601_sample_index")
RELEASES: tuple[tuple[str, tuple[str, ...]], ...] = (("1.2", ()), ("1.4", ()), ("1.5", NEW))


@dataclass
class Bench:
    """Everything that one test of upgrades works with."""

    host: SampleHost
    zulip: SimulatedZulip
    store: StoreSettings
    journal: Journal
    #: Nobody waits for so long, unless a test has Zulip stay away.
    back_within_seconds: int = 60

    def context(self) -> Context:
        return Context(
            job=7,
            attempt=1,
            host=replace(self.host.settings(), back_within_seconds=self.back_within_seconds),
            stores=(self.store,),
            journal=self.journal,
            clock=TickingClock(),
            hints={"seconds": [61.2]},
        )

    def plan(self, version: str) -> Plan:
        return upgrade.plan(self.context(), upgrade.Args(version))

    def upgrade(self, version: str, plan: Plan | None = None) -> Outcome:
        """As the runner does it: plan, then run."""
        args = upgrade.Args(version)
        return upgrade.run(self.context(), args, plan or self.plan(version))

    def plan_rollback(self) -> Plan:
        return rollback.plan(self.context(), rollback.Args())

    def roll_back(self) -> Outcome:
        return rollback.run(self.context(), rollback.Args(), self.plan_rollback())

    @property
    def links(self) -> dict[str, str]:
        """Where `current`, `last` and `next` point."""
        layout = self.host.layout
        paths = {"current": layout.current, "last": layout.last, "next": layout.next}
        return {name: path.resolve().name for name, path in paths.items() if path.exists()}

    def migrations(self) -> set[str]:
        assert self.host.database is not None
        cluster, name = self.host.database.cluster, self.host.database.name
        return set(
            cluster.sql("SELECT name FROM zulip.django_migrations", database=name).splitlines()
        )

    def titles(self) -> list[str]:
        return [title for title, _ in self.journal.steps]


@pytest.fixture
def bench(tmp_path: Path, cluster: PostgresCluster) -> Iterator[Bench]:
    """Zulip 1.3 on a sample host, with releases around it."""
    name = f"zulip_{uuid.uuid4().hex[:12]}"
    with SimulatedZulip() as zulip:
        host = SampleHost.create(
            tmp_path / "host",
            version="1.3",
            url=zulip.url,
            database=(cluster, name),
            extent=Extent(messages=100, uploads=5),
        )
        zulip.set_version("1.3", 278)
        for version, migrations in RELEASES:
            host.publish(version, migrations)
        store = StoreSettings(name="disk", path=tmp_path / "copies")
        with HostOnAir(host.layout, zulip):
            yield Bench(host, zulip, store, Journal())
    cluster.drop_database(name)
