"""Copies to flip bytes in: of one sample host, open and sealed, one building on another."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.host import Extent, SampleHost
from handlers.backups import take_backup
from handlers.contract import JSON, Context
from handlers.host.age import Identity
from handlers.host.settings import KeySettings, StoreSettings

SMALL = Extent(messages=200, uploads=20, median_upload_bytes=2048)
NEW_UPLOADS = 5
BEGINNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class Quiet:
    """A journal that keeps nothing."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        del title
        yield

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        """Nobody looks."""

    def fact(self, name: str, value: JSON) -> None:
        """Nobody asks."""

    def output(self, text: str) -> None:
        """Nobody reads."""


@dataclass
class Ticking:
    """A clock on which every look is a second later, so that no two notes have one name."""

    at: datetime = BEGINNING

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass(frozen=True)
class Repository:
    """One store with two copies, of which the second relies on uploads of the first."""

    name: str
    host: SampleHost
    store: StoreSettings
    #: Those that made the copies.
    keys: KeySettings
    clock: Ticking = field(default_factory=Ticking)

    @property
    def directory(self) -> Path:
        assert self.store.path is not None
        return self.store.path

    def context(self) -> Context:
        return Context(
            job=1,
            attempt=1,
            host=self.host.settings(),
            stores=(self.store,),
            journal=Quiet(),
            clock=self.clock,
            keys=self.keys,
            state_directory=self.directory.with_name(f"{self.name}-state"),
        )

    def back_up(self) -> None:
        context, args = self.context(), take_backup.Args()
        take_backup.run(context, args, take_backup.plan(context, args))


def make_repositories(folder: Path, cluster: PostgresCluster, name: str) -> list[Repository]:
    """Open, sealed with a key here that opens it, and sealed without one."""
    host = SampleHost.create(folder / "host", database=(cluster, name), extent=SMALL)
    drill = Identity.generate()
    file = folder / "drill.key"
    file.write_text(f"{drill.text}\n")
    sealed = KeySettings(recovery=(Identity.generate().recipient,))
    kinds = {
        "open": KeySettings(),
        "sealed": replace(sealed, drill=drill.recipient, drill_identity_file=file),
        "sealed_without_key": sealed,
    }
    made = [
        Repository(kind, host, StoreSettings(kind, path=folder / kind), keys)
        for kind, keys in kinds.items()
    ]
    for each in made:
        each.back_up()
    host.add_uploads(NEW_UPLOADS)
    for each in made:
        each.back_up()
    return made
