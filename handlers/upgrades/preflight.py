"""What must hold before Zulip is stopped or replaced, each as one sentence."""

import configparser
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from handlers.contract import Context, Precondition
from handlers.errors import HostFailure
from handlers.host import services, zulip_web
from handlers.host.deployments import Deployment
from handlers.host.layout import Layout
from handlers.wording import size

#: Packages, static files and logs come on top of what the tarball holds.
RESERVE_BYTES = 1_000_000_000
#: Options of zulip.conf under which an upgrade would not do what the plan says.
UNSAFE_OPTIONS = ("--skip-migrations", "--skip-downgrade-check", "--skip-restart")


@dataclass(frozen=True, slots=True)
class Need:
    """What a release takes on disk."""

    tarball_bytes: int
    unpacked_bytes: int


def no_other_deployment(layout: Layout) -> Precondition:
    held = layout.deployment_lock.exists()
    return Precondition(
        "no_other_deployment",
        "Another deployment holds Zulip's own lock. If no `upgrade-zulip` is running on the host,"
        " remove it with `rmdir /home/zulip/deployments/lock`."
        if held
        else "No other deployment is under way.",
        not held,
    )


def may_write(layout: Layout, *others: Path) -> Precondition:
    """Under the service's own unit these places can only be read, even by root."""
    places = (layout.deployments, *others)
    shown = [layout.shown(place) for place in places]
    closed = [layout.shown(place) for place in places if not os.access(place, os.W_OK)]
    return Precondition(
        "may_write",
        f"This run cannot write to {', '.join(closed)}, and it has to. Under the unit of zulip-ops"
        " nothing can; stop that and use `zulip-ops do` on the host."
        if closed
        else f"This run can write to {', '.join(shown)}.",
        not closed,
    )


def programs_run(layout: Layout) -> Precondition:
    name = "programs_run"
    try:
        programs = services.list_programs(layout)
    except HostFailure as failure:
        return Precondition(name, failure.message, holds=False)
    stopped = [program.name for program in programs if not program.running]
    if stopped or not programs:
        return Precondition(name, f"Not running: {', '.join(stopped) or 'anything'}.", holds=False)
    return Precondition(name, f"All {len(programs)} programs of Zulip run.", holds=True)


def zulip_is_well(context: Context, current: Deployment) -> Precondition:
    """It answers, is healthy, and is what `current` points at."""
    name = "zulip_is_well"
    try:
        health, running = zulip_web.ask_health(context.host), zulip_web.ask_version(context.host)
    except HostFailure as failure:
        return Precondition(name, failure.message, holds=False)
    if not health.ready:
        return Precondition(name, f"Zulip is not healthy: {health.message}.", holds=False)
    if running.version != current.version:
        sentence = f"{running.version} is running, but {current.version} is deployed."
        return Precondition(name, sentence, holds=False)
    return Precondition(name, f"Zulip {running.version} answers and is healthy.", holds=True)


def has_room(layout: Layout, need: Need) -> Precondition:
    """The tarball is kept, and the tree is made in /tmp before it is moved into its place."""
    home = need.tarball_bytes + need.unpacked_bytes + RESERVE_BYTES
    wanted = ((layout.deployments, home), (layout.root / "tmp", need.unpacked_bytes))
    rooms = [(layout.shown(place), _free_bytes(place), needed) for place, needed in wanted]
    said = [
        f"{place} has {size(free)} free, and {size(needed)} may be needed."
        for place, free, needed in rooms
    ]
    has_room = all(free >= needed for _, free, needed in rooms)
    return Precondition("has_room", " ".join(said), has_room)


def deploy_options(layout: Layout) -> tuple[str, ...]:
    """What `[deployment] deploy_options` of zulip.conf adds to every upgrade; () without it."""
    reader = configparser.RawConfigParser()
    try:
        reader.read(layout.machine_file)
        return tuple(shlex.split(reader.get("deployment", "deploy_options", fallback="")))
    except (configparser.Error, ValueError, UnicodeDecodeError):
        return ()


def options_are_safe(options: tuple[str, ...]) -> Precondition:
    unsafe = [option for option in options if option in UNSAFE_OPTIONS]
    said = f"`deploy_options` in zulip.conf: {' '.join(options) or 'none'}."
    if unsafe:
        said = (
            f"zulip.conf adds {', '.join(unsafe)} to every upgrade, so it would not do what is"
            " planned here. Take it out of `deploy_options` first."
        )
    return Precondition("options_are_safe", said, not unsafe)


def _free_bytes(place: Path) -> int:
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
