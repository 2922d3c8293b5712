"""Sets up everything around the bot: Zulip, its host, a database, stores and a configuration."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.demo.host_on_air import HostOnAir
from bot.demo.mirror import Mirror
from bot.demo.postgres_cluster import PostgresCluster, available_majors
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent, SampleHost
from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.server import SimulatedZulip
from handlers.host.settings import StoreSettings
from jobs.configuration import ScheduleSettings

DATABASE = "zulip"
#: The newest PostgreSQL that Zulip 9.2 supports.
_NEWEST_MAJOR = 16


@dataclass(frozen=True, slots=True)
class Wish:
    """What the stage should hold."""

    version: str = "9.2"
    extent: Extent = field(default_factory=Extent)
    #: Releases to upgrade to, each with the migrations that it brings.
    releases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    schedules: tuple[ScheduleSettings, ...] = ()
    #: The tables of the policy in place of the usual ones; `{iago}` stands for Iago's user id.
    policy: str | None = None
    #: Those who try things out are faster than those who look after a server.
    commands_a_minute: int = 10_000
    #: Lines of the table [launcher]: a stage asks nothing of the system that it stands on.
    launcher: str = 'backend = "fork"'
    #: Whether what is said in Zulip is written into the database of the host, as it really is.
    mirrored: bool = False
    #: Further lines of zulip-ops.toml.
    more_configuration: str = ""


@dataclass(slots=True)
class Stage:
    """Everything but the bot, below one folder; made by `Stage.set_up`, gone with the block."""

    folder: Path
    zulip: SimulatedZulip
    cast: Cast
    host: SampleHost
    stores: tuple[StoreSettings, ...]
    _running: ExitStack

    @classmethod
    def set_up(
        cls,
        folder: Path,
        wish: Wish | None = None,
        *,
        cluster: PostgresCluster | None = None,
        s3: S3Server | None = None,
    ) -> Self:
        """Start what is not handed in, side by side, and write zuliprc and zulip-ops.toml."""
        wish = wish or Wish()
        # Tells its part of a shared cluster and a shared bucket from those of other stages.
        own = secrets.token_hex(6)
        running = ExitStack()
        try:
            zulip = running.enter_context(SimulatedZulip())
            with ThreadPoolExecutor(2) as starting:
                s3_soon = starting.submit(_started_s3, running, s3)
                cluster_soon = starting.submit(_started_cluster, running, cluster)
            cast = add_cast(zulip)
            host = SampleHost.create(
                folder / "host",
                version=wish.version,
                url=zulip.url,
                database=(cluster_soon.result(), DATABASE if cluster is None else f"zulip_{own}"),
                extent=wish.extent,
            )
            stores = (
                StoreSettings(name="local", path=folder / "backups"),
                s3_soon.result().store_settings("s3", prefix=f"{own}/"),
            )
            for version, migrations in wish.releases:
                host.publish(version, migrations)
            mirror = None
            if wish.mirrored and host.database is not None:
                mirror = Mirror(host.database, zulip)
            running.enter_context(HostOnAir(host.layout, zulip, mirror))
        except BaseException:
            running.close()
            raise
        zulip.set_version(wish.version, 278)
        stage = cls(folder, zulip, cast, host, stores, running)
        stage.write_configuration(wish)
        return stage

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._running.close()

    @property
    def configuration(self) -> Path:
        return self.folder / "zulip-ops.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def write_configuration(self, wish: Wish) -> None:
        """zuliprc and zulip-ops.toml as an administrator would write them."""
        self.zulip.zuliprc(self.cast.bot, self.folder / "zuliprc")
        self.configuration.write_text(configuration_text(self, wish), encoding="utf-8")
        # Whatever the umask: what others could write, nobody reads.
        self.configuration.chmod(0o644)


def configuration_text(stage: Stage, wish: Wish) -> str:
    """zulip-ops.toml for this stage."""
    cast, host = stage.cast, stage.host.settings()
    database = host.database
    lines = [
        "[zulip]",
        f"zuliprc = {_toml(stage.folder / 'zuliprc')}",
        'channel = "ops"',
        # Whoever tries it out may watch.
        "channel_may_be_open = true",
        "[state]",
        f"directory = {_toml(stage.state)}",
        "[launcher]",
        wish.launcher,
        "[host]",
        f"root = {_toml(host.root)}",
        f"url = {_toml(host.url)}",
        f"back_within_seconds = {host.back_within_seconds}",
        "[host.releases]",
        f"directory = {_toml(host.releases.directory)}",
        "[host.database]",
        f"host = {_toml(database.host)}",
        f"port = {database.port}",
        f"name = {_toml(database.name)}",
        f"user = {_toml(database.user)}",
        f"system_user = {_toml(database.system_user or '')}",
        *([f"programs = {_toml(database.programs)}"] if database.programs else []),
        "[host.drills]",
        f"directory = {_toml(host.drills.directory)}",
        f"system_user = {_toml(host.drills.system_user)}",
        *([f"programs = {_toml(host.drills.programs)}"] if host.drills.programs else []),
        "[limits]",
        f"commands_a_minute = {wish.commands_a_minute}",
        *_policy(cast, wish),
    ]
    for store in stage.stores:
        lines += _store(store)
    for schedule in wish.schedules:
        lines += _schedule(schedule)
    return "\n".join([*lines, wish.more_configuration, ""])


def _policy(cast: Cast, wish: Wish) -> list[str]:
    if wish.policy is not None:
        people = ("desdemona", "iago", "hamlet", "cordelia", "polonius", "bot")
        return [wish.policy.format(**{name: getattr(cast, name).id for name in people})]
    return [
        "[policy.roles]",
        f"viewer = [{cast.hamlet.id}]",
        f"operator = [{cast.desdemona.id}, {cast.iago.id}]",
        "[policy.read]",
        'ask = ["viewer", "operator"]',
        "[policy.routine]",
        'ask = ["operator"]',
        "yes = true",
        "[policy.disruptive]",
        'ask = ["operator"]',
        'approve = ["operator"]',
    ]


def _store(store: StoreSettings) -> list[str]:
    named = {
        "name": store.name,
        "path": store.path,
        "bucket": store.bucket,
        "prefix": store.prefix or None,
        "endpoint": store.endpoint,
        "region": store.region,
        "credentials_file": store.credentials_file,
    }
    keys = [f"{key} = {_toml(value)}" for key, value in named.items() if value is not None]
    return ["[[stores]]", *keys]


def _schedule(schedule: ScheduleSettings) -> list[str]:
    return [
        "[[schedules]]",
        f"name = {_toml(schedule.name)}",
        f"command = {_toml(schedule.command)}",
        f"cron = {_toml(schedule.cron)}",
        f"tz = {_toml(schedule.tz)}",
        f"catch_up = {_toml(schedule.catch_up)}",
        f"grace = {schedule.grace}",
    ]


def _toml(value: object) -> str:
    """A basic string of TOML is written as JSON writes it."""
    return json.dumps(str(value))


def _started_cluster(running: ExitStack, given: PostgresCluster | None) -> PostgresCluster:
    if given is not None:
        return given
    majors = available_majors()
    major = max(each for each in majors if each <= _NEWEST_MAJOR)
    return running.enter_context(PostgresCluster(majors[major]))


def _started_s3(running: ExitStack, given: S3Server | None) -> S3Server:
    return given if given is not None else running.enter_context(S3Server())
