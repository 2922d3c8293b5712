"""Starts runs as processes of our own account, which leave us and outlive us."""

import sys
from datetime import timedelta
from pathlib import Path

from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.processes import RUN_MARKER, Argv
from jobs.journal import PLAN, RUN, RunName, RunSpec
from jobs.launcher import RunHandle, RunStatus
from jobs.launching import cancelling
from jobs.launching.grant import Grant
from jobs.launching.grant_ledger import GRANTS_FILE, GrantLedger
from jobs.launching.looking import look
from jobs.launching.rounds import Rounds
from jobs.launching.run_folders import RunFolders, close
from jobs.observing.observer_spec import ObserverSpec
from jobs.runs import crashpoints
from jobs.runs.run_folder import RunFolder

RUNNER: Argv = (sys.executable, "-I", "-m", "jobs.runner")

#: From the start of the runner until it has left us.
START_LIMIT = timedelta(seconds=20)


class ForkLauncher:
    """Satisfies `Launcher` where no systemd is: in containers, in development and in tests."""

    def __init__(
        self,
        state_directory: Path,
        observer_spec: ObserverSpec,
        *,
        group: str | None = None,
        runner: Argv = RUNNER,
    ) -> None:
        """Raises KeyError when there is no such group."""
        self._folders = RunFolders.below(state_directory, group)
        self._rounds = Rounds(observer_spec)
        self._ledger = GrantLedger(state_directory / GRANTS_FILE)
        self._runner = runner

    def plan(self, spec: RunSpec) -> RunHandle:
        assert spec.mode == PLAN
        return self._launch(spec)

    def start(self, spec: RunSpec) -> RunHandle:
        assert spec.mode == RUN
        return self._launch(spec)

    def cancel(self, run: RunName) -> None:
        folder = self._folders.of(run)
        if folder.path.is_dir() and not folder.has_ended:
            cancelling.note(folder)
            cancelling.end(folder)

    def status(self, run: RunName) -> RunStatus:
        return look(self._folders.of(run))

    def facts(self) -> None:
        self._rounds.ask()

    def grant(self, grant: Grant) -> str:
        return self._ledger.grant(grant)

    def revoke(self, schedule: str) -> bool:
        return self._ledger.revoke(schedule)

    def _launch(self, spec: RunSpec) -> RunHandle:
        with self._folders.made(spec) as folder:
            try:
                self._detach(folder)
            except HostFailure as failure:
                unavailable = close(folder, spec, failure)
                if unavailable is not None:
                    raise unavailable from failure
        return RunHandle(spec.name, folder.path)

    def _detach(self, folder: RunFolder) -> None:
        processes.run(
            (*self._runner, "--detach", str(folder.path)),
            timeout=START_LIMIT,
            environment={RUN_MARKER: str(folder.path), **crashpoints.environment()},
        )
