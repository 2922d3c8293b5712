"""What a look at the folder of a run says while that run begins."""

from pathlib import Path

from jobs.launching.looking import look
from jobs.recovery import OpenRun, Verdict, verdict
from jobs.runs.run_folder import RunFolder, RunnerProcess


class JustBegun(RunFolder):
    """Claimed by its runner right after somebody has asked who that is."""

    def runner(self) -> RunnerProcess | None:
        found = super().runner()
        self.claim(detached=False)
        return found


def test_a_run_that_begins_while_it_is_looked_at_is_not_given_up(tmp_path: Path) -> None:
    path = tmp_path / "4-2"
    path.mkdir()
    open_run = OpenRun(leaves_traces=True, intended_this_boot=True, was_started=False)

    first = verdict(open_run, look(JustBegun(path)))
    second = verdict(open_run, look(RunFolder(path)))

    # To start it again does no harm: it is said to be started already, and is followed.
    assert (first, second) == (Verdict.START, Verdict.FOLLOW)
