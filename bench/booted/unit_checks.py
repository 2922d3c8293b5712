"""What is tried of the runs' own units, without a bot: fence, whole end, outer limit, memory."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bench.booted.systemd import cgroup_of, shell, until
from handlers.errors import HostFailure
from handlers.host import process_table
from handlers.host.settings import HostSettings
from jobs.journal import RunName
from jobs.launcher import AlreadyStarted, RunStatus
from jobs.launching.systemd_launcher import SystemdLauncher
from jobs.launching.transient_units import TransientUnits, Unit
from jobs.observing.observer_spec import ObserverSpec
from jobs.recovery import evidence
from jobs.runs.run_unit import unit_name
from jobs.runs.time_limits import OUTER_MARGIN
from tests.fakes.operations import DECLARATIONS
from tests.fakes.runs import RUNNER, spec

STATE = Path("/var/lib/zulip-ops-trial")
HOST = STATE / "host"
#: Not the bot's: the names of units are the whole machine's.
EPOCH = 9
OUTER_SECONDS = 5
#: Longer than systemd waits between telling a unit to end and killing it.
LONGEST_SECONDS = 40

Figures = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class UnitChecks:
    """With the operations of the tests, of which one swallows every request to end."""

    launcher: SystemdLauncher

    @classmethod
    def prepared(cls) -> "UnitChecks":
        HOST.mkdir(parents=True)
        limit = timedelta(seconds=OUTER_SECONDS) - OUTER_MARGIN
        short = tuple(
            replace(each, time_limit=limit) if each.name == "fake upgrade" else each
            for each in DECLARATIONS
        )
        observed = ObserverSpec(HostSettings(root=HOST), (), STATE)
        return cls(SystemdLauncher(STATE, observed, runner=RUNNER, declarations=short))

    def all(self) -> tuple[Callable[[], Figures], ...]:
        return (
            self.name_of_a_unit_is_a_fence,
            self.cancel_empties_the_cgroup,
            self.outer_limit_ends_a_run,
            self.want_of_memory_is_told,
        )

    def name_of_a_unit_is_a_fence(self) -> Figures:
        run = self._start("slow", 1)
        taken = [self._is_refused(run), not _may_start(unit_name(EPOCH, run))]
        self.launcher.cancel(run)
        until(lambda: not self.launcher.status(run).alive, "the unit ends", LONGEST_SECONDS)
        # The unit is gone, and with it its name; the folder is not.
        taken.append(_may_start(unit_name(EPOCH, run)) and self._is_refused(run))
        return {"second_start_refused": float(all(taken))}

    def cancel_empties_the_cgroup(self) -> Figures:
        run = self._start("stubborn", 2)
        pids_file = HOST / "pids"
        until(lambda: len(_numbers(pids_file)) >= 4, "the tree has grown")
        stranger = _stranger_in(unit_name(EPOCH, run))
        self.launcher.cancel(run)
        seconds = until(lambda: not self.launcher.status(run).alive, "it ends", LONGEST_SECONDS)
        left = [pid for pid in (*_numbers(pids_file), stranger) if _is_running(pid)]
        pids_file.unlink()
        return {
            "stubborn_cancel_seconds": round(seconds, 1),
            "left_after_cancel": len(left),
            "stubborn_end_told": self._told(run, "did not end when it was cancelled"),
        }

    def outer_limit_ends_a_run(self) -> Figures:
        started = time.monotonic()
        run = self._start("stubborn", 3, "fake upgrade")
        until(lambda: not self.launcher.status(run).alive, "it ends", LONGEST_SECONDS)
        return {
            "outer_limit_seconds": round(time.monotonic() - started, 1),
            "outer_limit_told": self._told(run, "within its time limit"),
        }

    def want_of_memory_is_told(self) -> Figures:
        """As systemd-oomd does it: a mark on the cgroup, and the end of all in it."""
        run = self._start("slow", 4)
        cgroup = cgroup_of(unit_name(EPOCH, run))
        for mark in ("user.oomd_ooms", "user.oomd_kill"):
            os.setxattr(cgroup, mark, b"1")
        (cgroup / "cgroup.kill").write_text("1")
        until(lambda: not self.launcher.status(run).alive, "it ends", LONGEST_SECONDS)
        return {"out_of_memory_told": self._told(run, "Memory ran out")}

    def _start(self, end: str, job: int, operation: str = "fake change") -> RunName:
        wanted = replace(spec(HOST, end, operation=operation, job=job), epoch=EPOCH)
        run = self.launcher.start(wanted).name
        until(lambda: self.launcher.status(run).begun, "the run begins")
        return run

    def _is_refused(self, run: RunName) -> bool:
        with suppress(AlreadyStarted):
            self.launcher.start(replace(spec(HOST, "slow", job=run.job), epoch=EPOCH))
            return False
        return True

    def _told(self, run: RunName, words: str) -> float:
        status: RunStatus = self.launcher.status(run)
        return float(not status.ended and words in evidence(status))


def _may_start(name: str) -> bool:
    """Whether systemd takes another unit of this name."""
    try:
        TransientUnits().start(Unit(name, "another", ("/bin/true",), {"Type": "exec"}, {}))
    except HostFailure:
        return False
    return True


def _stranger_in(unit: str) -> int:
    """A process in the unit that shares neither parent, session nor environment with the run."""
    told, script = Path("/run/stranger"), Path("/run/stranger.sh")
    script.write_text(f"trap '' TERM; echo $$ > {told}; while :; do sleep 1; done\n")
    shell(f"setsid --fork env -i sh {script} < /dev/null > /dev/null 2>&1")
    until(lambda: bool(_numbers(told)), "the stranger runs")
    (pid,) = _numbers(told)
    (cgroup_of(unit) / "cgroup.procs").write_text(str(pid))
    return pid


def _numbers(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()] if file.exists() else []


def _is_running(pid: int) -> bool:
    found = process_table.entry(pid)
    return found is not None and found.is_running
