"""Where Zulip, its releases and its copies lie, and who can open those, as plain data."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How Zulip's PostgreSQL is reached."""

    #: Directory of the socket, or a host name.
    host: str = "/var/run/postgresql"
    port: int = 5432
    name: str = "zulip"
    user: str = "zulip"
    #: Account on the host to connect as (peer authentication); none: as we are.
    system_user: str | None = "zulip"
    #: Where pg_dump and pg_restore lie; none: found by the server's major version.
    programs: Path | None = None


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """Where the tarballs of Zulip's releases come from: a directory or, without one, an address."""

    #: Holds `zulip-server-X.Y.tar.gz` and `SHA256SUMS.txt`.
    directory: Path | None = None
    #: Asked for the same files when there is no directory.
    url: str = "https://download.zulip.com/server"
    #: The only hosts that are asked; a redirect is not followed.
    hosts: tuple[str, ...] = ("download.zulip.com",)
    largest_bytes: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class DrillSettings:
    """Where copies are restored to prove that they can be, and how often that is expected."""

    #: Everything of a drill lies below it while the drill runs, and nothing afterwards.
    directory: Path = Path("/var/lib/zulip-ops-drills")
    #: The account that PostgreSQL and pg_restore run as when we are root: never root itself.
    system_user: str = "postgres"
    #: Where initdb, postgres and pg_restore lie; none: found by the major version of the copy.
    programs: Path | None = None
    #: After how many days without a drill that passed a warning is given; 0: none is expected.
    every_days: int = 8


@dataclass(frozen=True, slots=True)
class HostSettings:
    """All paths of the host hang below `root`."""

    root: Path = Path("/")
    #: Zulip as the host itself reaches it; `/health` answers only to loopback.
    url: str = "https://127.0.0.1"
    #: The certificate on loopback carries the server's public name, so it is not checked there.
    check_certificate: bool = False
    database: DatabaseSettings = DatabaseSettings()
    releases: ReleaseSettings = ReleaseSettings()
    drills: DrillSettings = DrillSettings()
    #: How long Zulip may take to answer again before an upgrade counts as failed.
    back_within_seconds: int = 180


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One place that keeps copies: a directory (`path`) or an S3 bucket (`bucket`)."""

    name: str
    path: Path | None = None
    bucket: str | None = None
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    #: A file with two lines, access key and secret key; none: boto3's own search.
    credentials_file: Path | None = None


@dataclass(frozen=True, slots=True)
class KeySettings:
    """To which public keys of age copies are sealed; without a recovery key they are not."""

    #: Their secrets lie off this host; each alone opens every copy.
    recovery: tuple[str, ...] = ()
    #: For reading and rehearsing copies without a person.
    drill: str | None = None
    #: Its secret, where it lies on this host; a file as `age-keygen -o` writes it.
    drill_identity_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ContentSettings:
    """What goes into copies by choice, beside database, uploads and configuration."""

    #: Certificates with their private keys, and what certbot keeps.
    certificates: bool = False
    #: /var/log/zulip.
    logs: bool = False
    #: The bot's own database, of which a consistent copy is made; None: it stays out.
    own_database: Path | None = None
    #: The bot's own configuration; None: it stays out.
    own_configuration: Path | None = None


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """Of how many days, weeks and months one copy each stays; those without a copy do not count."""

    daily: int = 0
    weekly: int = 0
    monthly: int = 0


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Which copies stay in each store; without such rules all of them do."""

    keep: KeepSettings
    #: So many proven copies always stay, the newest; 0: copies need not be proven, verified ones
    #: count in their place.
    proven: int = 2
    #: Between the mark on a copy and its removal.
    grace_hours: int = 48
    #: Nothing goes while the newest copy is older; two daily backups were missed then.
    fresh_hours: int = 49
