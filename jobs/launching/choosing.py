"""Makes the launcher that the configuration asks for."""

import os
from pathlib import Path

from jobs.configuration import Configuration
from jobs.launcher import Launcher
from jobs.launching.fork_launcher import ForkLauncher
from jobs.launching.helper_launcher import HelperLauncher
from jobs.launching.systemd_launcher import SystemdLauncher
from jobs.launching.transient_units import BOOTED
from jobs.observing.observer_spec import ObserverSpec


def backend(configuration: Configuration) -> str:
    """`systemd`, `fork` or `helper`: what `auto` comes to on this host, for this account."""
    wanted = configuration.launcher.backend
    if wanted != "auto":
        return wanted
    return "systemd" if os.geteuid() == 0 and BOOTED.is_dir() else "fork"


def choose(configuration: Configuration, state_directory: Path) -> Launcher:
    """Starts nothing yet; raises KeyError when the host has no group `state.group`."""
    chosen, group = backend(configuration), configuration.state.group
    if chosen == "helper":
        return HelperLauncher(configuration.launcher.socket)
    spec = ObserverSpec(
        configuration.host,
        configuration.stores,
        state_directory,
        group,
        keys=configuration.backup.keys,
    )
    launcher = SystemdLauncher if chosen == "systemd" else ForkLauncher
    return launcher(state_directory, spec, group=group)
