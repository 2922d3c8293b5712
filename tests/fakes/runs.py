"""Specs of runs of the fake operations, and a launcher that starts them for real."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from handlers.host.processes import Argv
from handlers.host.settings import HostSettings
from jobs.journal import PLAN, RUN, Asker, RunResult, RunSpec
from jobs.launcher import RunHandle
from jobs.launching.fork_launcher import ForkLauncher
from jobs.launching.systemd_launcher import SystemdLauncher
from jobs.launching.transient_units import TransientUnits
from jobs.observing.observer_spec import ObserverSpec
from jobs.runs.run_folder import RunFolder
from tests.fakes.operations import DECLARATIONS

RUNNER: Argv = (sys.executable, "-I", str(Path(__file__).with_name("runner.py")))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IAGO = Asker(kind="user", id=11, name="Iago")


def spec(
    host: Path, end: str = "ok", *, operation: str = "fake change", job: int = 1, attempt: int = 1
) -> RunSpec:
    """A run that carries out without a plan that was consented to."""
    return RunSpec(
        job=job,
        attempt=attempt,
        mode=RUN,
        operation=operation,
        arguments={"end": end},
        asker=IAGO,
        host=HostSettings(root=host),
        stores=(),
        created_at=NOON,
        nonce="0" * 32,
        host_id="host",
    )


def planning(spec: RunSpec) -> RunSpec:
    return replace(spec, mode=PLAN)


def fork_launcher(
    state_directory: Path, *, group: str | None = None, runner: Argv = RUNNER
) -> ForkLauncher:
    observed = ObserverSpec(HostSettings(root=state_directory), (), state_directory)
    return ForkLauncher(state_directory, observed, group=group, runner=runner)


def systemd_launcher(
    state_directory: Path, units: TransientUnits, *, runner: Argv = RUNNER
) -> SystemdLauncher:
    return SystemdLauncher(
        state_directory,
        ObserverSpec(HostSettings(root=state_directory), (), state_directory),
        units=units,
        runner=runner,
        declarations=DECLARATIONS,
    )


def wait_for(condition: Callable[[], bool], what: str = "it", seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


def result_of(handle: RunHandle) -> RunResult:
    """The result, when the run has ended."""
    folder = RunFolder(handle.folder)
    wait_for(lambda: folder.has_ended, f"the end of {handle.name}")
    result = folder.read_result()
    assert result is not None
    return result
