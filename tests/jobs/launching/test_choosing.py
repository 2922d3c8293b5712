"""The launcher is the one that the configuration names; `auto` looks at the machine."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.configuration import Configuration, LauncherSettings, StateSettings
from jobs.launching.choosing import backend, choose
from jobs.launching.fork_launcher import ForkLauncher
from jobs.launching.helper_launcher import HelperLauncher
from jobs.launching.systemd_launcher import SystemdLauncher
from jobs.launching.transient_units import BOOTED

NAMED = {"systemd": SystemdLauncher, "fork": ForkLauncher, "helper": HelperLauncher}


@pytest.mark.parametrize("name", list(NAMED))
def test_a_launcher_that_is_named_is_taken(name: str, tmp_path: Path) -> None:
    settings = LauncherSettings(backend=name)  # type: ignore[arg-type]  # a name of the list

    assert isinstance(choose(Configuration(launcher=settings), tmp_path), NAMED[name])


def test_auto_takes_systemd_for_root_where_the_machine_was_booted_with_it() -> None:
    expected = "systemd" if BOOTED.is_dir() and os.geteuid() == 0 else "fork"

    assert Configuration().launcher.backend == "auto"
    assert backend(Configuration()) == expected


@pytest.mark.parametrize("name", ["systemd", "fork"])
def test_a_group_that_the_host_does_not_have_is_no_group(name: str, tmp_path: Path) -> None:
    settings = LauncherSettings(backend=name)  # type: ignore[arg-type]  # a name of the list
    configuration = Configuration(
        launcher=settings, state=replace(StateSettings(), group="no-such-group")
    )

    with pytest.raises(KeyError):
        choose(configuration, tmp_path)
