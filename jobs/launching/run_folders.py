"""The folders of the runs: made for one start each, and closed when that start went wrong."""

import fcntl
import grp
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from handlers.errors import HostFailure, Reason
from handlers.host import directories, process_table
from jobs.clock import SystemClock
from jobs.journal import ResultStatus, RunName, RunResult, RunSpec
from jobs.launcher import AlreadyStarted, AnswerLost, LauncherUnavailable
from jobs.runs.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunFolders:
    """Below the state directory, readable by one group."""

    state_directory: Path
    group_id: int | None = None

    @classmethod
    def below(cls, state_directory: Path, group: str | None) -> "RunFolders":
        """Raises KeyError when there is no such group."""
        return cls(state_directory, None if group is None else grp.getgrnam(group).gr_gid)

    def of(self, run: RunName) -> RunFolder:
        return RunFolder(self.state_directory / "runs" / str(run))

    @contextmanager
    def made(self, spec: RunSpec) -> Iterator[RunFolder]:
        """With its spec in it, for a start inside the block: one at a time, whoever starts.

        Raises AlreadyStarted, LauncherUnavailable.
        """
        folder = self.of(spec.name)
        try:
            lock = self._lock(folder.path.parent)
        except OSError as error:
            raise _cannot_be_made(folder, error) from error
        try:
            self._make(folder, spec)
            yield folder
        finally:
            os.close(lock)

    def _lock(self, runs: Path) -> int:
        directories.make(runs, 0o750)
        if self.group_id is not None:
            os.chown(runs, -1, self.group_id)
        descriptor = os.open(runs, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def _make(self, folder: RunFolder, spec: RunSpec) -> None:
        try:
            is_ours = folder.make(spec, self.group_id)
        except OSError as error:
            raise _cannot_be_made(folder, error) from error
        if not is_ours:
            raise already_started(spec.name)


def _cannot_be_made(folder: RunFolder, error: OSError) -> LauncherUnavailable:
    return LauncherUnavailable(f"{folder.path} cannot be made: {error.strerror}.")


def already_started(run: RunName) -> AlreadyStarted:
    return AlreadyStarted(f"Run {run} was started before.")


def close(folder: RunFolder, spec: RunSpec, failure: HostFailure) -> LauncherUnavailable | None:
    """After a start that went wrong: whatever of it still comes finds the folder taken.

    None when a runner had taken it up already, so that the start went well after all. Raises
    AnswerLost when the folder cannot be closed, so that a runner may still take it up.
    """
    unavailable = LauncherUnavailable(f"The runner did not start. {failure.message}")
    try:
        if not folder.close():
            return None
        folder.write_result(_not_started(spec, unavailable.message))
    except OSError as error:
        why = f"{unavailable.message} {folder.path}: {error.strerror}."
        raise AnswerLost(why) from error
    return unavailable


def _not_started(spec: RunSpec, sentence: str) -> RunResult:
    """For a bot that was not there to hear it."""
    now = SystemClock().now()
    return RunResult(
        job=spec.job,
        attempt=spec.attempt,
        mode=spec.mode,
        status=ResultStatus.FAILED,
        reason=Reason.NOT_CONFIGURED,
        sentence=sentence,
        state="Nothing was changed.",
        started_at=now,
        ended_at=now,
        boot_id=process_table.boot_id(),
    )
