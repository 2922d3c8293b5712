"""Asks systemd for things and looks at what it has made of a unit."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from handlers.host import process_table, processes
from handlers.host.processes import Completed
from jobs.runs import process_tree

UNIT = "zulip-ops.service"
RUNS = Path("/var/lib/zulip-ops/runs")
CGROUPS = Path("/sys/fs/cgroup")
_LIMIT = timedelta(minutes=2)
_PAUSE_SECONDS = 0.05
_EXPOSURE = re.compile(r"Overall exposure level for \S+: (\d+\.\d)")


def shell(command: str, directory: Path = Path("/")) -> Completed:
    """As typed by an administrator; never raises for an exit code."""
    argv = ("/bin/sh", "-c", f"umask 022; {command}")
    return processes.run(argv, timeout=_LIMIT, check=False, directory=directory)


def systemctl(verb: str) -> float:
    """Seconds that it took; HostFailure when it fails."""
    done = processes.run(("systemctl", verb, UNIT), timeout=_LIMIT)
    return done.seconds


def shown(name: str, unit: str = UNIT, *, stamp: str = "pretty") -> str:
    """One property of a unit; `stamp` is how times are written."""
    argv = ("systemctl", "show", "--value", f"--property={name}", f"--timestamp={stamp}", unit)
    return processes.run(argv, timeout=_LIMIT).output.strip()


def cgroup_of(unit: str) -> Path:
    """Where the kernel keeps its processes together."""
    return CGROUPS / shown("ControlGroup", unit).lstrip("/")


def processes_of_bot() -> list[int]:
    """What runs in the unit and belongs to no run; a run's processes are there on purpose."""
    of_runs = {entry.pid for run in RUNS.glob("*") for entry in process_tree.members(run)}
    pids = (entry.pid for entry in process_table.entries())
    return [pid for pid in pids if pid not in of_runs and _is_in_unit(pid)]


def exposure() -> float | None:
    """What `systemd-analyze security` thinks of the unit: 0 is shut in, 10 may do anything."""
    said = shell(f"systemd-analyze security --no-pager {UNIT}").output
    found = _EXPOSURE.search(said)
    return None if found is None else float(found[1])


def until(holds: Callable[[], bool], what: str, seconds: float = 30) -> float:
    """Seconds until it holds; TimeoutError names what did not come."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(_PAUSE_SECONDS)
    return time.monotonic() - started


def _is_in_unit(pid: int) -> bool:
    try:
        return f"/{UNIT}" in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
