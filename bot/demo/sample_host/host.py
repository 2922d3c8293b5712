"""The sample host as a whole: made once, then changed as a real host changes."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host import programs, releases, tree
from bot.demo.sample_host.database import SampleDatabase
from bot.demo.sample_host.scripts.controls import Manners, write_manners
from bot.demo.sample_host.uploads import Recipe, make_pictures, make_uploads
from handlers.host import zulip_settings
from handlers.host.deployments import current_deployment
from handlers.host.layout import Layout
from handlers.host.settings import (
    DatabaseSettings,
    DrillSettings,
    HostSettings,
    ReleaseSettings,
)

GIB = 2**30
_AVATARS = 11


@dataclass(frozen=True, slots=True)
class Extent:
    """How much the sample host holds."""

    messages: int = 1000
    uploads: int = 200
    seed: int = 1
    median_upload_bytes: int = 8 * 1024


@dataclass(slots=True)
class SampleHost:
    """A Zulip server below `root`; what is not given, such as a database, is not there."""

    root: Path
    #: Where Zulip answers: the simulated Zulip, or nobody.
    url: str = "http://127.0.0.1:9"
    database: SampleDatabase | None = None
    extent: Extent = field(default_factory=Extent)
    _uploads: int = 0

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        version: str = "9.2",
        url: str = "http://127.0.0.1:9",
        database: tuple[PostgresCluster, str] | None = None,
        extent: Extent | None = None,
    ) -> Self:
        """Build everything below `root`; `database` is a cluster and the name of a new database."""
        host = cls(root, url, extent=extent or Extent())
        tree.write_surroundings(host.layout)
        tree.write_configuration(host.layout, database[1] if database else "zulip")
        tree.write_system_configuration(host.layout)
        first = tree.make_deployment(host.layout, version)
        tree.point(host.layout.current, first)
        programs.install(host.layout)
        host.set_memory(total=4 * GIB, available=2 * GIB)
        host.set_load((0.24, 0.31, 0.28))
        if database is not None:
            host._make_database(*database)
        salt = zulip_settings.secret(host.layout, "avatar_salt")
        make_pictures(host.layout, host._recipe(), _AVATARS, salt or "")
        host.add_uploads(host.extent.uploads)
        return host

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    def settings(self) -> HostSettings:
        """What zulip-ops.toml would say of this host."""
        return HostSettings(
            root=self.root,
            url=self.url,
            database=self._database_settings(),
            releases=ReleaseSettings(directory=releases.releases_directory(self.layout)),
            drills=self._drill_settings(),
            back_within_seconds=30,
        )

    def stop_program(self, name: str, *, state: str = "STOPPED", detail: str | None = None) -> None:
        """One program of supervisord ends; `state` as supervisorctl tells it."""
        programs.change(self.layout, name, state, detail)

    def start_program(self, name: str) -> None:
        programs.change(self.layout, name, "RUNNING")

    def stop_supervisord(self) -> None:
        """From now on supervisorctl reaches nobody."""
        programs.remove_supervisord(self.layout)

    def switch_version(self, version: str) -> Path:
        """Deploy a new tree and flip to it, as an upgrade does; what answers on `url` stays."""
        before = current_deployment(self.layout).path
        after = tree.make_deployment(self.layout, version)
        tree.point(self.layout.last, before)
        tree.point(self.layout.current, after)
        return after

    def publish(self, version: str, migrations: tuple[str, ...] = ()) -> Path:
        """A release to upgrade to, with migrations that the database does not have yet."""
        return releases.publish(self.layout, version, migrations)

    def behave(self, manners: Manners) -> None:
        """How its scripts behave from now on."""
        write_manners(self.layout, manners)

    def set_memory(self, *, total: int, available: int, swap: tuple[int, int] = (0, 0)) -> None:
        """Sizes in bytes; swap as total and free."""
        tree.write_memory(self.layout, total, available, swap)

    def set_load(
        self, averages: tuple[float, float, float], *, uptime: timedelta = timedelta(days=12)
    ) -> None:
        """The averages over 1, 5 and 15 minutes."""
        tree.write_load(self.layout, averages, uptime)

    def grow_database(self, messages: int) -> None:
        """More messages; ValueError without a database."""
        if self.database is None:
            raise ValueError("this sample host has no database")
        self.database.add_messages(messages)

    def add_uploads(self, count: int) -> None:
        """More uploaded files, which the database knows as well."""
        numbers = range(self._uploads, self._uploads + count)
        made = make_uploads(self.layout, self._recipe(), numbers)
        self._uploads += count
        if self.database is not None and made:
            self.database.add_attachments(made)

    def fill(self, path: str, size_bytes: int) -> Path:
        """Write a file of that size; `path` as the host itself knows it, such as `/srv/big`."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        return target

    def _make_database(self, cluster: PostgresCluster, name: str) -> None:
        cluster.create_database(name)
        self.database = SampleDatabase(cluster, name)
        self.database.make(self.extent.messages)
        self.database.name_pictures(_AVATARS)
        tree.write_database_command(self.layout, self.database.command())

    def _database_settings(self) -> DatabaseSettings:
        if self.database is not None:
            return self.database.cluster.settings(self.database.name)
        return DatabaseSettings(host=str(self.root / "var/run/postgresql"), system_user=None)

    def _drill_settings(self) -> DrillSettings:
        if self.database is not None:
            return self.database.cluster.drill_settings(self.database.name)
        return DrillSettings(directory=self.root / "var/lib/zulip-ops-drills")

    def _recipe(self) -> Recipe:
        return Recipe(self.extent.seed, median_bytes=self.extent.median_upload_bytes)
