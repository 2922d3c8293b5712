"""Starts, looks at and stops transient units, through systemd's own two programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from handlers.host import processes
from handlers.host.processes import Argv

#: There where systemd is what the machine was booted with: sd_booted(3).
BOOTED = Path("/run/systemd/system")
START_LIMIT = timedelta(seconds=20)
ASK_LIMIT = timedelta(seconds=5)
#: Of a unit that has not come to its end; while it stops, it still tells how.
UNDER_WAY = frozenset({"activating", "active", "reloading", "deactivating"})


@dataclass(frozen=True, slots=True)
class Unit:
    """What is to be started; the environment is that of systemd and these variables."""

    name: str
    description: str
    argv: Argv
    properties: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TransientUnits:
    """The two programs; every method raises HostFailure when they cannot be had."""

    systemd_run: str = "systemd-run"
    systemctl: str = "systemctl"

    def start(self, unit: Unit) -> None:
        """Until its program is executed; a name that is taken fails as everything else does.

        The unit goes when it ends, whatever way, so that none is left behind as failed.
        """
        options = [f"--property={name}={value}" for name, value in unit.properties.items()]
        options += [f"--setenv={name}={value}" for name, value in unit.environment.items()]
        head = (self.systemd_run, "--quiet", "--collect", f"--unit={unit.name}")
        argv = (*head, f"--description={unit.description}", *options, "--")
        processes.run((*argv, *map(_literal, unit.argv)), timeout=START_LIMIT)

    def is_under_way(self, name: str) -> bool:
        """False for a unit that has ended, and for one that nobody has heard of."""
        argv = (self.systemctl, "show", "--property=ActiveState", "--value", name)
        return processes.run(argv, timeout=ASK_LIMIT).output.strip() in UNDER_WAY

    def stop(self, name: str) -> None:
        """Ask it to end, and let systemd see to it; a unit that is not there is nothing."""
        processes.run((self.systemctl, "stop", "--no-block", name), timeout=ASK_LIMIT, check=False)


def command_line(argv: Argv) -> str:
    """As the value of a property that systemd-run cuts into words itself."""
    return " ".join(f'"{_quoted(_literal(word))}"' for word in argv)


def _quoted(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


def _literal(word: str) -> str:
    """systemd puts variables in for $NAME, also in a transient unit."""
    return word.replace("$", "$$")
