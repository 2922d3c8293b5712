"""Starts runs as processes of our own account, which leave us and outlive us."""

import grp
import logging
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from handlers.errors import HostFailure
from handlers.host import directories, process_table, processes
from handlers.host.processes import RUN_MARKER, Argv
from jobs.journal import PLAN, RUN, RunName, RunSpec
from jobs.launcher import AlreadyStarted, LauncherUnavailable, RunHandle, RunStatus
from jobs.observing.observer_spec import ObserverSpec, write_spec
from jobs.runs import crashpoints, process_tree
from jobs.runs.fields import Unreadable
from jobs.runs.run_folder import RunFolder, RunnerProcess

RUNNER: Argv = (sys.executable, "-I", "-m", "jobs.runner")
OBSERVER: Argv = (sys.executable, "-I", "-m", "jobs.observer")

#: From the start of the runner until it has left us.
START_LIMIT = timedelta(seconds=20)
#: Between asking a run to end and ending all its processes.
CANCEL_GRACE = timedelta(seconds=5)
ROUND_LIMIT = timedelta(minutes=2)
_PAUSE_SECONDS = 0.05

LOG = logging.getLogger(__name__)


class ForkLauncher:
    """Satisfies `Launcher`, for one host and for tests, containers and the root helper's stub."""

    def __init__(
        self,
        state_directory: Path,
        observer_spec: ObserverSpec,
        *,
        group: str | None = None,
        runner: Argv = RUNNER,
    ) -> None:
        self._runs = state_directory / "runs"
        self._observer_spec = observer_spec
        self._group_id = None if group is None else grp.getgrnam(group).gr_gid
        self._runner = runner
        self._starting = threading.Lock()
        self._observing = threading.Lock()
        #: Somebody asked while a round was under way.
        self._asked_again = threading.Event()

    def plan(self, spec: RunSpec) -> RunHandle:
        assert spec.mode == PLAN
        return self._launch(spec)

    def start(self, spec: RunSpec) -> RunHandle:
        assert spec.mode == RUN
        return self._launch(spec)

    def cancel(self, run: RunName) -> None:
        folder = self._folder(run)
        if folder.has_ended:
            return
        runner = _runner_of(folder)
        # One that is just starting has not written down who it is yet.
        asked = [runner.entry()] if runner else process_tree.members(folder.path)
        process_tree.ask(entry for entry in asked if entry is not None)
        threading.Thread(
            target=_end_after_grace, args=(folder, runner), daemon=True, name=f"cancel {run}"
        ).start()

    def status(self, run: RunName) -> RunStatus:
        folder = self._folder(run)
        runner = _runner_of(folder)
        # The result is looked at last: a run that ends meanwhile has ended, and is not lost.
        alive = runner is not None and runner.is_running
        left_over = () if alive else process_tree.members(folder.path)
        is_starting = runner is None and bool(left_over)
        return RunStatus(
            known=folder.path.is_dir(),
            begun=folder.has_begun,
            alive=alive or is_starting,
            ended=folder.has_ended,
            same_boot=runner is not None and runner.boot_id == process_table.boot_id(),
            left_over=0 if is_starting else len(left_over),
        )

    def facts(self) -> None:
        # Whoever asks during a round wants one that began afterwards.
        self._asked_again.set()
        if self._observing.acquire(blocking=False):
            threading.Thread(target=self._observe, daemon=True, name="observer").start()

    def _launch(self, spec: RunSpec) -> RunHandle:
        with self._starting:
            return self._launch_one(spec)

    def _launch_one(self, spec: RunSpec) -> RunHandle:
        folder = self._folder(spec.name)
        try:
            self._make_runs_directory()
            if not folder.make(spec, self._group_id):
                raise AlreadyStarted(f"Run {spec.name} was started before.")
            processes.run(
                (*self._runner, "--detach", str(folder.path)),
                timeout=START_LIMIT,
                environment={RUN_MARKER: str(folder.path), **crashpoints.environment()},
            )
        except OSError as error:
            raise LauncherUnavailable(f"{folder.path} cannot be made: {error.strerror}.") from error
        except HostFailure as failure:
            raise LauncherUnavailable(f"The runner did not start. {failure.message}") from failure
        return RunHandle(spec.name, folder.path)

    def _make_runs_directory(self) -> None:
        directories.make(self._runs, 0o750)
        if self._group_id is not None:
            os.chown(self._runs, -1, self._group_id)

    def _observe(self) -> None:
        try:
            while self._asked_again.is_set():
                self._asked_again.clear()
                self._make_a_round()
        finally:
            self._observing.release()
        if self._asked_again.is_set():
            # Between the last look and the release.
            self.facts()

    def _make_a_round(self) -> None:
        spec = write_spec(self._observer_spec).encode()
        try:
            processes.run(OBSERVER, timeout=ROUND_LIMIT, stdin=spec)
        except HostFailure as failure:
            LOG.warning(
                "A round of observations failed. %s %s",
                failure.message,
                failure.tail,
                extra={"event": "round_failed"},
            )

    def _folder(self, run: RunName) -> RunFolder:
        return RunFolder(self._runs / str(run))


def _runner_of(folder: RunFolder) -> RunnerProcess | None:
    try:
        return folder.runner()
    except Unreadable:
        # Written whole or not at all; damaged, it names nobody.
        return None


def _end_after_grace(folder: RunFolder, runner: RunnerProcess | None) -> None:
    deadline = time.monotonic() + CANCEL_GRACE.total_seconds()
    while time.monotonic() < deadline:
        # A runner that is gone ends in no order any more; whatever it left is ended at once.
        is_gone = runner is not None and not runner.is_running
        if folder.has_ended:
            return
        if is_gone:
            break
        time.sleep(_PAUSE_SECONDS)
    process_tree.end(folder.path, None if runner is None else runner.session)
