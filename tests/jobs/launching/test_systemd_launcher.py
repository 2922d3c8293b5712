"""A unit for each run: its name keeps a second one out, its end takes everything with it."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.host import process_table
from jobs.journal import ResultStatus, RunName
from jobs.launcher import AlreadyStarted, LauncherUnavailable, RunHandle
from jobs.launching import systemd_launcher as systemd_launcher_module
from jobs.launching.systemd_launcher import SystemdLauncher
from jobs.launching.transient_units import TransientUnits, Unit, command_line
from jobs.recovery import evidence
from jobs.runs import time_limits
from jobs.runs.run_folder import RunFolder
from tests.fakes import systemd as fake_systemd
from tests.fakes.runs import fork_launcher, result_of, spec, systemd_launcher, wait_for

RUN = RunName(1, 1)
UNIT = "zulip-ops-run-1-1-1.service"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    root = tmp_path / "host"
    root.mkdir()
    return root


@pytest.fixture
def units(tmp_path: Path) -> TransientUnits:
    return fake_systemd.install(tmp_path / "systemd")


@pytest.fixture
def launcher(
    tmp_path: Path, units: TransientUnits, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SystemdLauncher]:
    monkeypatch.setattr(systemd_launcher_module, "STOP_GRACE", timedelta(seconds=1))
    launching = systemd_launcher(tmp_path, units)
    yield launching
    launching.cancel(RUN)
    wait_for(lambda: not units.is_under_way(UNIT), "the end of the unit")


def begun(launcher: SystemdLauncher, host: Path, end: str) -> RunHandle:
    handle = launcher.start(spec(host, end))
    wait_for(lambda: launcher.status(RUN).begun, "the claim")
    return handle


def pid_of(handle: RunHandle) -> int:
    runner = RunFolder(handle.folder).runner()
    assert runner is not None
    return runner.pid


def lost_because(launcher: SystemdLauncher) -> str:
    wait_for(lambda: not launcher.status(RUN).alive, "the end of the unit")
    status = launcher.status(RUN)
    assert not status.ended
    return evidence(status)


def test_the_unit_is_named_after_epoch_job_and_attempt(
    host: Path, units: TransientUnits, launcher: SystemdLauncher
) -> None:
    launcher.start(replace(spec(host, "slow", job=12, attempt=3), epoch=7))

    assert units.is_under_way("zulip-ops-run-7-12-3.service")
    launcher.cancel(RunName(12, 3))
    wait_for(lambda: launcher.status(RunName(12, 3)).ended)


def test_a_name_that_is_taken_is_a_run_that_was_started(
    tmp_path: Path, host: Path, units: TransientUnits, launcher: SystemdLauncher
) -> None:
    # As when whoever started it died before its runner had claimed the folder.
    errors = {"StandardError": f"append:{tmp_path}/errors", "ExecStopPost": "/bin/true"}
    units.start(Unit(UNIT, "another", ("/bin/sleep", "60"), errors, {}))

    with pytest.raises(AlreadyStarted, match="1-1"):
        launcher.start(spec(host))

    units.stop(UNIT)
    assert not (host / "effects").exists()
    assert not RunFolder(tmp_path / "runs/1-1").has_begun


def test_a_unit_that_comes_after_the_end_of_the_first_does_nothing(
    tmp_path: Path, host: Path, units: TransientUnits, launcher: SystemdLauncher
) -> None:
    handle = launcher.start(spec(host))
    result = result_of(handle)
    wait_for(lambda: not units.is_under_way(UNIT), "the end of the unit")
    with pytest.raises(AlreadyStarted):
        launcher.start(spec(host))

    # Even one that was on its way all the time.
    late = launcher._unit(spec(host), RunFolder(handle.folder))
    units.start(late)
    wait_for(lambda: not units.is_under_way(UNIT), "the end of the late unit")

    assert (host / "effects").read_text() == "1-1\n"
    assert RunFolder(handle.folder).read_result() == result


def test_a_run_that_cannot_be_ended_politely_is_ended_with_its_whole_tree(
    host: Path, units: TransientUnits, launcher: SystemdLauncher
) -> None:
    begun(launcher, host, "stubborn")
    pids = host / "pids"
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) >= 4, "the tree")

    launcher.cancel(RUN)
    wait_for(lambda: not units.is_under_way(UNIT), "the end of the unit")

    left = [entry for pid in pids.read_text().split() if (entry := process_table.entry(int(pid)))]
    assert not [entry for entry in left if entry.is_running]
    assert lost_because(launcher) == "The run did not end when it was cancelled, and was killed."


def test_a_cancelled_run_tells_so_though_its_tools_were_told_to_end_before_it(
    host: Path, launcher: SystemdLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One of its tools does not listen, for which it has a patience of its own.
    monkeypatch.setattr(systemd_launcher_module, "STOP_GRACE", timedelta(seconds=15))
    handle = begun(launcher, host, "tree")
    wait_for((host / "pids").exists, "the tree")

    launcher.cancel(RUN)

    assert result_of(handle).status is ResultStatus.CANCELLED


def test_a_killed_runner_takes_everything_with_it_and_the_signal_is_told(
    host: Path, launcher: SystemdLauncher
) -> None:
    handle = begun(launcher, host, "tree")
    wait_for((host / "pids").exists, "the tree")

    os.kill(pid_of(handle), signal.SIGKILL)

    said = "The run's process was ended by SIGKILL before it could write a result."
    assert lost_because(launcher) == said
    assert launcher.status(RUN).left_over == ()


def test_want_of_memory_is_told(tmp_path: Path, host: Path, launcher: SystemdLauncher) -> None:
    begun(launcher, host, "slow")

    (tmp_path / "systemd/units" / UNIT / fake_systemd.OUT_OF_MEMORY).touch()

    assert lost_because(launcher).startswith("Memory ran out, and the kernel killed the run")


def test_a_run_that_keeps_no_limit_is_ended_by_the_outer_one(
    host: Path, launcher: SystemdLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The operation's own limit, of three seconds, is one of those things that it swallows.
    monkeypatch.setattr(time_limits, "OUTER_MARGIN", timedelta(seconds=-2))
    launcher.start(spec(host, "stubborn", operation="fake upgrade"))

    said = "The run did not end within its time limit, nor when told to, and was killed."
    assert lost_because(launcher) == said


def test_a_runner_that_dies_before_it_begins_has_changed_nothing(
    host: Path, launcher: SystemdLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZULIP_OPS_CRASH_AT", "runner_started")
    launcher.start(spec(host))
    monkeypatch.delenv("ZULIP_OPS_CRASH_AT")

    assert lost_because(launcher) == "The run was never begun."
    # And the attempt is free: as after a restart of the bot at that moment.
    assert result_of(launcher.start(spec(host))).status is ResultStatus.SUCCEEDED


def test_a_systemd_that_does_not_answer_starts_nothing_later(tmp_path: Path, host: Path) -> None:
    nowhere = TransientUnits("/no/such/systemd-run", "/no/such/systemctl")
    launcher = systemd_launcher(tmp_path, nowhere)

    with pytest.raises(LauncherUnavailable, match="systemd-run` does not exist"):
        launcher.start(spec(host))

    result = RunFolder(tmp_path / "runs/1-1").read_result()
    assert result is not None
    assert result.state == "Nothing was changed."


def test_without_systemctl_a_run_is_found_and_ended_all_the_same(
    tmp_path: Path, host: Path, units: TransientUnits, launcher: SystemdLauncher
) -> None:
    handle = begun(launcher, host, "slow")
    blind = systemd_launcher(tmp_path, replace(units, systemctl="/no/such/systemctl"))

    assert blind.status(RUN).alive
    blind.cancel(RUN)

    assert result_of(handle).status is ResultStatus.CANCELLED
    assert RunFolder(tmp_path / "runs/2-1").make(spec(host, job=2))
    with pytest.raises(LauncherUnavailable, match="systemd does not answer"):
        blind.status(RunName(2, 1))


def test_a_run_that_was_started_by_the_other_backend_is_found_too(
    tmp_path: Path, host: Path, launcher: SystemdLauncher
) -> None:
    folder = RunFolder(fork_launcher(tmp_path).start(spec(host, "slow")).folder)

    assert launcher.status(RUN).alive
    launcher.cancel(RUN)

    wait_for(lambda: folder.has_ended, "the end")


def test_words_that_systemd_would_change_arrive_as_they_are() -> None:
    assert command_line(("/bin/a b", 'c"d\\e', "$f")) == r'"/bin/a b" "c\"d\\e" "$$f"'
