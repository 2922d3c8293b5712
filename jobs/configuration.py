"""The models of host, stores, policy and schedules, as plain data of the standard library."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from handlers.host.settings import (
    HostSettings,
    KeySettings,
    RetentionSettings,
    StoreSettings,
)

#: Read by pydantic in configuration_file; a plain dictionary, so nothing is imported here.
STRICT = {"extra": "forbid", "strict": True, "hide_input_in_errors": True}


@dataclass(frozen=True, slots=True)
class ZulipSettings:
    """Where the bot speaks."""

    #: Zulip's own file with the bot's key.
    zuliprc: Path = Path("/etc/zulip-ops/zuliprc")
    #: The channel from which the server is looked after.
    channel: str = "ops"
    #: Whether that channel may be public, and hold people whom no role of the policy lists.
    #: Otherwise only what reads is answered while it is so. From the web nobody may ever read it.
    channel_may_be_open: bool = False
    #: The time zone in which people mean the times that they type.
    tz: str = "UTC"


@dataclass(frozen=True, slots=True)
class StateSettings:
    """Where the bot keeps what must survive."""

    #: Database, runs/ and facts.json lie here; on a local disk.
    directory: Path = Path("/var/lib/zulip-ops")
    #: Group that may read run folders and facts.json.
    group: str | None = None


@dataclass(frozen=True, slots=True)
class LauncherSettings:
    """Who starts runs: `systemd` (a unit for each), `fork` (processes of ours that leave us) or
    `helper` (over a socket); `auto` is `systemd` for root where systemd is, and `fork` elsewhere.
    """

    backend: Literal["auto", "systemd", "fork", "helper"] = "auto"
    socket: Path = Path("/run/zulip-ops/helper.sock")


@dataclass(frozen=True, slots=True)
class ObserverSettings:
    """How often the host is looked at."""

    every_seconds: int = 60


@dataclass(frozen=True, slots=True)
class LimitsSettings:
    """How much one person may ask of the bot."""

    #: What comes beyond it in a minute is not taken, and is told in one message.
    commands_a_minute: int = 10


@dataclass(frozen=True, slots=True)
class EffectPolicy:
    """Who may ask for commands of one effect, and who consents to them."""

    #: Names of roles; an empty list denies.
    ask: tuple[str, ...] = ()
    #: Names of roles whose people approve; an empty list denies, except that the asker alone
    #: confirms what is routine.
    approve: tuple[str, ...] = ()
    #: How many different people have to approve; left out: one, or two for `destructive`.
    people: int | None = None
    #: Whether the asker may be one of them.
    self_approval: bool = False
    #: Whether the asker may confirm in the command itself with `--yes`; for `routine` only.
    yes: bool = False
    #: How long a plan can be consented to and started; left out: 60, or 30 for `destructive`.
    expires_minutes: int | None = None
    #: How long ❌ still stops it after full consent; left out: none, or 60 for `destructive`.
    arming_seconds: int | None = None
    #: When jobs may start, as `Sat,Sun 02:00-05:00 Europe/Berlin`, or several; none: always.
    window: str | tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may do what; deny by default. Roles are lists of Zulip user ids."""

    roles: dict[str, tuple[int, ...]] = field(default_factory=dict)
    #: For a server with one administrator: the asker's own ✅ and the arming delay are enough.
    solo: bool = False
    read: EffectPolicy = EffectPolicy()
    routine: EffectPolicy = EffectPolicy()
    disruptive: EffectPolicy = EffectPolicy()
    destructive: EffectPolicy = EffectPolicy()


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """How copies are made, and which of them stay."""

    keys: KeySettings = KeySettings()
    #: Whether certificates with their private keys go into each copy.
    certificates: bool = False
    #: Whether Zulip's logs do.
    logs: bool = False
    #: Whether the bot's own database and this file do.
    own_state: bool = True
    #: None: nothing is ever pruned.
    retention: RetentionSettings | None = None


CatchUp = Literal["once", "skip", "all"]


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """A command that recurs; the file is root's, which is the consent to it."""

    name: str
    command: str
    #: Five fields, as cron has them.
    cron: str
    tz: str = "UTC"
    #: What becomes of runs that were missed: one run for all, none, or each.
    catch_up: CatchUp = "once"
    #: A run found later than this many minutes after it was due counts as missed.
    grace: int = 60


@dataclass(frozen=True, slots=True)
class Configuration:
    """zulip-ops.toml as a whole."""

    __pydantic_config__: ClassVar[dict[str, object]] = STRICT

    zulip: ZulipSettings = ZulipSettings()
    state: StateSettings = StateSettings()
    host: HostSettings = HostSettings()
    launcher: LauncherSettings = LauncherSettings()
    observer: ObserverSettings = ObserverSettings()
    limits: LimitsSettings = LimitsSettings()
    policy: Policy = Policy()
    backup: BackupSettings = BackupSettings()
    stores: tuple[StoreSettings, ...] = ()
    schedules: tuple[ScheduleSettings, ...] = ()
