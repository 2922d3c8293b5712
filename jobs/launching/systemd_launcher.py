"""Starts each run as a transient unit of its own, named after epoch, job and attempt."""

import logging
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from handlers.contract import Declaration
from handlers.errors import HostFailure
from handlers.host.processes import PATH, RUN_MARKER, Argv
from handlers.registry import DECLARATIONS
from jobs.journal import PLAN, RUN, RunName, RunSpec
from jobs.launcher import LauncherUnavailable, RunHandle, RunStatus
from jobs.launching import cancelling
from jobs.launching.fork_launcher import RUNNER
from jobs.launching.grant import Grant
from jobs.launching.grant_ledger import GRANTS_FILE, GrantLedger
from jobs.launching.looking import look
from jobs.launching.rounds import Rounds
from jobs.launching.run_folders import RunFolders, already_started, close
from jobs.launching.transient_units import TransientUnits, Unit, command_line
from jobs.observing.observer_spec import ObserverSpec
from jobs.runs import crashpoints
from jobs.runs.fields import Unreadable
from jobs.runs.run_folder import RunFolder
from jobs.runs.run_unit import unit_name
from jobs.runs.time_limits import outer_limit

#: Not below the bot's own unit: what becomes of that one is nothing to the runs.
SLICE = "zulip-ops-runs.slice"
#: Between telling a unit to end and killing what is left of it: what a run that puts its own things
#: in order needs, also at a shutdown.
STOP_GRACE = timedelta(seconds=15)
UNIT_END: Argv = (sys.executable, "-I", "-m", "jobs.runs.run_unit")

LOG = logging.getLogger(__name__)


class SystemdLauncher:
    """Satisfies `Launcher` for root, on a host that was booted with systemd.

    Twice over no attempt is carried out twice: systemd refuses the name of a unit that is there,
    and a unit that comes after the first has ended finds its folder claimed.
    """

    def __init__(
        self,
        state_directory: Path,
        observer_spec: ObserverSpec,
        *,
        group: str | None = None,
        units: TransientUnits | None = None,
        runner: Argv = RUNNER,
        declarations: tuple[Declaration, ...] = DECLARATIONS,
    ) -> None:
        """Raises KeyError when there is no such group."""
        self._folders = RunFolders.below(state_directory, group)
        self._rounds = Rounds(observer_spec)
        self._units = units or TransientUnits()
        self._ledger = GrantLedger(state_directory / GRANTS_FILE)
        self._runner = runner
        self._declarations = declarations

    def plan(self, spec: RunSpec) -> RunHandle:
        assert spec.mode == PLAN
        return self._launch(spec)

    def start(self, spec: RunSpec) -> RunHandle:
        assert spec.mode == RUN
        return self._launch(spec)

    def cancel(self, run: RunName) -> None:
        folder = self._folders.of(run)
        if not folder.path.is_dir() or folder.has_ended:
            return
        cancelling.note(folder)
        unit = _unit_of(folder)
        try:
            if unit is not None and self._units.is_under_way(unit):
                # From here on systemd sees to it, also when we end meanwhile.
                self._units.stop(unit)
                return
        except HostFailure as failure:
            LOG.warning("systemd cannot be asked to end run %s. %s", run, failure.message)
        cancelling.end(folder)

    def status(self, run: RunName) -> RunStatus:
        folder = self._folders.of(run)
        unit = _unit_of(folder)
        is_under_way = False
        try:
            # Asked first: a unit that has ended has left everything it will leave.
            is_under_way = unit is not None and self._units.is_under_way(unit)
        except HostFailure as failure:
            # Whether a runner lives that has begun can be seen without systemd.
            if not folder.has_begun:
                raise LauncherUnavailable(f"systemd does not answer. {failure.message}") from None
        seen = look(folder)
        return replace(seen, alive=True, left_over=()) if is_under_way else seen

    def facts(self) -> None:
        self._rounds.ask()

    def grant(self, grant: Grant) -> str:
        return self._ledger.grant(grant)

    def revoke(self, schedule: str) -> bool:
        return self._ledger.revoke(schedule)

    def _launch(self, spec: RunSpec) -> RunHandle:
        with self._folders.made(spec) as folder:
            try:
                self._units.start(self._unit(spec, folder))
            except HostFailure as failure:
                if self._is_taken(spec, folder):
                    raise already_started(spec.name) from failure
                unavailable = close(folder, spec, failure)
                if unavailable is not None:
                    raise unavailable from failure
        return RunHandle(spec.name, folder.path)

    def _is_taken(self, spec: RunSpec, folder: RunFolder) -> bool:
        """Judged by what is there, never by what systemd-run said."""
        try:
            return self._units.is_under_way(unit_name(spec.epoch, spec.name)) or folder.has_begun
        except HostFailure:
            return folder.has_begun

    def _unit(self, spec: RunSpec, folder: RunFolder) -> Unit:
        limit = outer_limit(spec, self._declarations)
        return Unit(
            name=unit_name(spec.epoch, spec.name),
            description=f"zulip-ops: job {spec.job}, attempt {spec.attempt} ({spec.mode})",
            argv=(*self._runner, str(folder.path)),
            properties={
                "Slice": SLICE,
                "Type": "exec",
                # The end of a run is the end of everything it started.
                "KillMode": "control-group",
                "TimeoutStopSec": f"{STOP_GRACE.total_seconds():g}",
                "RuntimeMaxSec": f"{limit.total_seconds():g}",
                "OOMPolicy": "stop",
                "ExecStopPost": command_line((*UNIT_END, str(folder.path))),
                "UMask": "0027",
                "StandardInput": "null",
                "StandardOutput": "null",
                "StandardError": f"append:{folder.errors_file}",
            },
            environment={
                "PATH": PATH,
                "LC_ALL": "C.UTF-8",
                RUN_MARKER: str(folder.path),
                **crashpoints.environment(),
            },
        )


def _unit_of(folder: RunFolder) -> str | None:
    """By the spec in the folder, which the side that starts runs has written there."""
    try:
        spec = folder.read_spec()
    except (OSError, Unreadable):
        return None
    return unit_name(spec.epoch, spec.name)
