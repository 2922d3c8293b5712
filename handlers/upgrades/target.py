"""The release that an upgrade goes to: which one it is, and what it brings."""

from dataclasses import dataclass
from pathlib import Path

from handlers.contract import Context, Plan
from handlers.errors import Reason, Refused
from handlers.host import releases
from handlers.host.layout import Layout
from handlers.host.releases import Release
from handlers.upgrades import migrations, preflight, versions


@dataclass(frozen=True, slots=True)
class Target:
    """The release, fetched, and what it brings."""

    release: Release
    tarball: Path
    pending: tuple[str, ...]
    need: preflight.Need


def judge_version(present: str, wanted: str) -> None:
    """Refused unless the release is newer than the present one, and of the same series."""
    try:
        now, then = versions.parse(present), versions.parse(wanted)
    except ValueError as error:
        raise _refused(f"The versions cannot be compared: {error}.") from error
    if then == now:
        raise _refused(f"Zulip {present} runs already.")
    if then < now:
        raise _refused(
            f"{wanted} is older than {present}, which runs now; an upgrade only goes forward."
        )
    if then.series != now.series:
        raise _refused(
            f"From {present} to {wanted} is across a series, which this version of zulip-ops does"
            f" not do yet. It upgrades within series {now.series}."
        )


def look_at(context: Context, version: str) -> Target:
    """Find and fetch it, and read what it holds; HostFailure when that fails."""
    release = releases.find_release(context.host.releases, version)
    tarball = fetch(context, release)
    brought, unpacked = migrations.brought_by(tarball)
    pending = tuple(sorted(brought - migrations.applied(context.host.database)))
    need = preflight.Need(tarball.stat().st_size, unpacked)
    return Target(release, tarball, pending, need)


def fetch(context: Context, release: Release) -> Path:
    """Where our own copy of the tarball lies, with the right SHA-256."""
    folder = Layout(context.host.root).fetched_releases
    return releases.fetch(context.host.releases, release, folder)


def release_of(plan: Plan) -> Release:
    """The very bytes that were consented to, whatever the list of checksums says by now."""
    version, sha256 = str(plan.binding["to_version"]), str(plan.binding["sha256"])
    name = f"zulip-server-{version}.tar.gz"
    return Release(version, name, sha256, str(plan.binding["tarball"]))


def _refused(message: str) -> Refused:
    return Refused(message, reason=Reason.PREFLIGHT_FAILED)
