"""A sample host with a copy of it, whose Zulip really answers, and what a restore needs on it."""

import hashlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.demo.host_on_air import HostOnAir
from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.host import Extent, SampleHost
from bot.demo.zulip.server import SimulatedZulip
from handlers.backups import take_backup
from handlers.contract import Context, Outcome, Plan
from handlers.host.settings import KeySettings, StoreSettings
from handlers.restores import restore, restore_plan
from handlers.restores.switching.arrangement import Arrangement, Names, look
from handlers.upgrades import probing
from tests.handlers.backups.conftest import Journal, TickingClock

SERVER = "chat.example.org"
MESSAGES = 120
#: The job of the copy, and that of its restore.
COPY, RESTORE = 12, 31


@dataclass
class Bench:
    """Everything that one test of restores works with."""

    host: SampleHost
    zulip: SimulatedZulip
    cluster: PostgresCluster
    store: StoreSettings
    journal: Journal = field(default_factory=Journal)
    clock: TickingClock = field(default_factory=TickingClock)
    keys: KeySettings = field(default_factory=KeySettings)
    back_within_seconds: int = 30

    def context(self, job: int = RESTORE) -> Context:
        return Context(
            job=job,
            attempt=1,
            host=replace(self.host.settings(), back_within_seconds=self.back_within_seconds),
            stores=(self.store,),
            journal=self.journal,
            clock=self.clock,
            keys=self.keys,
            state_directory=self.host.root.parent,
        )

    def back_up(self, job: int = COPY) -> str:
        """The id of a new copy."""
        context, args = self.context(job), take_backup.Args()
        outcome = take_backup.run(context, args, take_backup.plan(context, args))
        self.journal.steps.clear()
        return str(outcome.facts["snapshot"])

    def wait_until_away(self) -> None:
        """The simulated Zulip follows the scripts a moment later; a real one is away at once."""
        host = self.context().host
        give_up = time.monotonic() + 10
        while probing.probe(host, probing.PROBE_LIMIT).version is not None:
            assert time.monotonic() < give_up
            time.sleep(0.02)

    def plan(self, **more: str) -> Plan:
        args = restore.Args(**{"copy": str(COPY), "server": SERVER, **more})
        return restore.plan(self.context(), args)

    def restore(self, *, plan: Plan | None = None, **more: str) -> Outcome:
        """As the runner does it: plan, then run; without judging the preconditions."""
        args = restore.Args(**{"copy": str(COPY), "server": SERVER, **more})
        return restore.run(self.context(), args, plan or restore.plan(self.context(), args))

    def shown(self, **more: str) -> dict[str, Any]:
        """What `restore plan` shows."""
        args = restore_plan.Args(**{"copy": str(COPY), **more})
        context = self.context()
        found = restore_plan.run(context, args, restore_plan.plan(context, args))
        shown = found.facts["shown"]
        assert isinstance(shown, dict)
        return dict(shown)

    def unmet(self, **more: str) -> dict[str, str]:
        checks = self.plan(**more).preconditions
        return {check.name: check.sentence for check in checks if not check.holds}

    @property
    def names(self) -> Names:
        return Names.of(self.context())

    @property
    def arrangement(self) -> Arrangement:
        return look(self.context())

    @property
    def database(self) -> str:
        assert self.host.database is not None
        return self.host.database.name

    def sql(self, statement: str, database: str | None = None) -> str:
        return self.cluster.sql(statement, database=database or self.database)

    def newest_message(self, database: str | None = None) -> int:
        return int(self.sql("SELECT max(id) FROM zulip.zerver_message", database))

    def databases(self) -> list[str]:
        """Of this test, by their names without its own."""
        query = "SELECT datname FROM pg_database ORDER BY datname"
        found = self.cluster.sql(query, database="postgres").splitlines()
        mine = [name for name in found if name.startswith(self.database)]
        return [name.removeprefix(self.database) for name in mine]

    def files(self, directory: Path | None = None) -> dict[str, str]:
        """Every upload with the hash of its content."""
        root = directory or self.host.layout.uploads
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*")
            if path.is_file()
        }

    def copies(self) -> dict[str, tuple[int, int]]:
        """Everything that lies in the store."""
        assert self.store.path is not None
        return {
            str(path.relative_to(self.store.path)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in self.store.path.rglob("*")
            if path.is_file()
        }

    def go_on_for_a_while(self) -> None:
        """What is written after the copy: messages, uploads, and one upload that is deleted."""
        self.host.grow_database(30)
        self.host.add_uploads(3)
        min((self.host.layout.uploads / "files").rglob("*.png")).unlink()

    def titles(self) -> list[str]:
        return [title for title, _ in self.journal.steps]

    def output(self) -> str:
        return "".join(self.journal.outputs)


def set_up(root: Path, cluster: PostgresCluster, zulip: SimulatedZulip) -> Bench:
    name = f"zulip_{uuid.uuid4().hex[:12]}"
    host = SampleHost.create(
        root / "host",
        version="1.3",
        url=zulip.url,
        database=(cluster, name),
        extent=Extent(messages=MESSAGES, uploads=8, median_upload_bytes=2048),
    )
    zulip.set_version("1.3", 278)
    return Bench(host, zulip, cluster, StoreSettings(name="disk", path=root / "copies"))


@pytest.fixture
def bench(tmp_path: Path, cluster: PostgresCluster) -> Iterator[Bench]:
    """Zulip 1.3 with one verified copy of job #12."""
    with SimulatedZulip() as zulip:
        made = set_up(tmp_path, cluster, zulip)
        made.back_up()
        with HostOnAir(made.host.layout, zulip):
            yield made
    for ending in made.databases():
        cluster.drop_database(made.database + ending)
