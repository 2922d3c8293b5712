"""Where a Zulip server keeps its things: every path of it, below the root of the host."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of Zulip's own installer; only `proc` ever looks at the disk."""

    root: Path

    @property
    def deployments(self) -> Path:
        """Holds one code tree for each deployment, named YYYY-MM-DD-HH-MM-SS in local time."""
        return self.root / "home/zulip/deployments"

    @property
    def current(self) -> Path:
        """Symbolic link to the running tree; replaced by rename, so it is never missing."""
        return self.deployments / "current"

    @property
    def last(self) -> Path:
        """Symbolic link to the tree that was current before the last flip."""
        return self.deployments / "last"

    @property
    def next(self) -> Path:
        """Symbolic link to the newest unpacked tree; after a failed upgrade not the current one."""
        return self.deployments / "next"

    @property
    def deployment_lock(self) -> Path:
        """A directory: Zulip's upgrade scripts take the lock with mkdir."""
        return self.deployments / "lock"

    @property
    def archives(self) -> Path:
        """Copies of the tarballs of upgrades; nothing of Zulip's ever removes them."""
        return self.root / "home/zulip/archives"

    @property
    def fetched_releases(self) -> Path:
        """Ours: tarballs that were compared with their SHA-256; never below `archives`.

        Zulip's script copies the tarball there and stops when it already lies there.
        """
        return self.root / "var/cache/zulip-ops/releases"

    @property
    def uploads(self) -> Path:
        """`LOCAL_UPLOADS_DIR` as the installer sets it, with `files/` and `avatars/`."""
        return self.root / "home/zulip/uploads"

    @property
    def tornado(self) -> Path:
        """Where Tornado leaves the event queues for its next start, as `event_queues*.json`."""
        return self.root / "home/zulip/tornado"

    @property
    def configuration(self) -> Path:
        return self.root / "etc/zulip"

    @property
    def settings_file(self) -> Path:
        return self.configuration / "settings.py"

    @property
    def secrets_file(self) -> Path:
        """INI, section `[secrets]`, zulip:zulip 0640."""
        return self.configuration / "zulip-secrets.conf"

    @property
    def machine_file(self) -> Path:
        """`zulip.conf`: what Puppet makes of this host."""
        return self.configuration / "zulip.conf"

    @property
    def logs(self) -> Path:
        return self.root / "var/log/zulip"

    @property
    def monitoring_state(self) -> Path:
        """Where Zulip's feeders leave what its monitoring plugins read."""
        return self.root / "var/lib/nagios_state"

    @property
    def command_locks(self) -> Path:
        return self.root / "srv/zulip-locks"

    @property
    def postgresql_data(self) -> Path:
        return self.root / "var/lib/postgresql"

    @property
    def supervisorctl(self) -> Path:
        return self.root / "usr/bin/supervisorctl"

    @property
    def os_release(self) -> Path:
        return self.root / "etc/os-release"

    @property
    def filled_paths(self) -> tuple[Path, ...]:
        """Places whose file system stops Zulip, PostgreSQL or the host when it is full."""
        places = ("", "home", "srv", "var", "var/log", "tmp")
        return (*(self.root / place for place in places), self.postgresql_data, self.uploads)

    def proc(self, name: str) -> Path:
        """`/proc/<name>`, or the file of that name which a sample host brings below its root."""
        own = self.root / "proc" / name
        return own if self.root != Path("/") and own.exists() else Path("/proc") / name

    def shown(self, path: Path) -> str:
        """The path as the host itself knows it, without the root of a sample host."""
        if path.is_relative_to(self.root):
            return str(Path("/") / path.relative_to(self.root))
        return str(path)
