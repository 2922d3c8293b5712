"""What systemd and the kernel leave as evidence of the end of a unit."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobs.journal import RunName
from jobs.runs import run_unit
from jobs.runs.run_folder import RunFolder
from jobs.runs.run_unit import UnitEnd, memory_ran_out, unit_name

UNIT = "zulip.slice/zulip-ops.slice/zulip-ops-runs.slice/zulip-ops-run-1-12-2.service"
KILLED = {"SERVICE_RESULT": "oom-kill", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"}
ENDED = {"SERVICE_RESULT": "success", "EXIT_CODE": "exited", "EXIT_STATUS": "0"}


def test_every_attempt_has_a_unit_of_its_own() -> None:
    attempts = [(1, 1, 1), (2, 1, 1), (1, 1, 2), (1, 11, 1), (11, 1, 1)]
    names = {unit_name(epoch, RunName(job, attempt)) for epoch, job, attempt in attempts}

    assert len(names) == 5
    assert unit_name(7, RunName(12, 3)) == "zulip-ops-run-7-12-3.service"


def test_the_first_end_of_a_unit_counts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    run_unit.write(folder, KILLED)
    run_unit.write(folder, ENDED)

    assert run_unit.read(folder) == UnitEnd("oom-kill", "killed", "KILL", cancelled=False)


def test_the_end_of_a_cancelled_run_is_known_as_such(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.ask_to_cancel()
    run_unit.write(folder, KILLED)

    assert run_unit.read(folder) == UnitEnd("oom-kill", "killed", "KILL", cancelled=True)


def test_the_stop_command_of_the_unit_writes_it(tmp_path: Path) -> None:
    argv = (sys.executable, "-I", "-m", "jobs.runs.run_unit", str(tmp_path))
    subprocess.run(argv, env=KILLED, check=True)

    assert run_unit.read(RunFolder(tmp_path)) == UnitEnd("oom-kill", "killed", "KILL")


@pytest.mark.parametrize("damaged", ["", "{}", '{"version": 1}', '{"version": 9, "result": "x"}'])
def test_an_end_that_cannot_be_read_is_none(tmp_path: Path, damaged: str) -> None:
    RunFolder(tmp_path).unit_end_file.write_text(damaged)

    assert run_unit.read(RunFolder(tmp_path)) is None


@pytest.mark.parametrize(
    ("unit", "events", "expected"),
    [
        (UNIT, "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n", True),
        (UNIT, "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\n", False),
        pytest.param(UNIT, None, False, id="the kernel does not count"),
        pytest.param(UNIT, "oom_kill\n", False, id="not understood"),
        pytest.param("system.slice/zulip-ops.service", "oom_kill 1\n", False, id="of the bot"),
        pytest.param("", "oom_kill 1\n", False, id="of the whole machine"),
    ],
)
@pytest.mark.parametrize("older_hierarchies", ["", "4:memory:/elsewhere\n1:name=systemd:/\n"])
def test_want_of_memory_is_seen_in_the_unit_of_the_run_itself(
    unit: str, events: str | None, older_hierarchies: str, tmp_path: Path, *, expected: bool
) -> None:
    memberships, hierarchy = tmp_path / "cgroup", tmp_path / "fs"
    memberships.write_text(f"{older_hierarchies}0::/{unit}\n")
    (hierarchy / unit).mkdir(parents=True)
    if events is not None:
        (hierarchy / unit / "memory.events").write_text(events)

    assert memory_ran_out(memberships, (tmp_path / "nowhere", hierarchy)) is expected
