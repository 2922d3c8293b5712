"""The watcher tells what runs say, how each ends, and when one is lost, once."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.host.settings import HostSettings
from jobs.journal import ResultStatus, RunName
from jobs.launcher import LauncherUnavailable, RunHandle, RunStatus
from jobs.launching.fork_launcher import ForkLauncher
from jobs.observing.observer_spec import ObserverSpec
from jobs.runs.journal_reader import JournalReader
from jobs.runs.process_tree import end
from jobs.runs.records import RecordKind
from jobs.runs.run_folder import RunFolder
from jobs.watcher import RunEnded, RunLost, RunProgressed, Watcher, WatcherEvent
from tests.fakes.runs import RUNNER, fork_launcher, result_of, spec, wait_for


@pytest.fixture
def host(tmp_path: Path) -> Path:
    root = tmp_path / "host"
    root.mkdir()
    return root


@pytest.fixture
def told() -> list[WatcherEvent]:
    return []


@pytest.fixture
def watcher(tmp_path: Path, told: list[WatcherEvent]) -> Iterator[Watcher]:
    watching = Watcher(fork_launcher(tmp_path), told.append)
    watching.start()
    yield watching
    watching.stop()


def ends(told: list[WatcherEvent]) -> list[RunEnded | RunLost]:
    return [event for event in told if not isinstance(event, RunProgressed)]


def kinds(told: list[WatcherEvent]) -> list[RecordKind]:
    return [
        record.kind
        for event in told
        if isinstance(event, RunProgressed)
        for record in event.records
    ]


def test_all_records_are_told_in_order_and_then_the_end(
    tmp_path: Path, host: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    handle = fork_launcher(tmp_path).start(spec(host))
    watcher.follow(handle)
    wait_for(lambda: bool(ends(told)), "the end")

    assert kinds(told)[0] is RecordKind.STARTED
    assert kinds(told)[-1] is RecordKind.FINISHED
    end = told[-1]
    assert isinstance(end, RunEnded)
    assert (end.run, end.result.status) == (RunName(1, 1), ResultStatus.SUCCEEDED)
    assert watcher.followed() == frozenset()


def test_many_runs_are_followed_at_once(
    tmp_path: Path, host: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    launcher = fork_launcher(tmp_path)
    for job in range(1, 6):
        watcher.follow(launcher.start(spec(host, job=job, operation="fake look")))
    wait_for(lambda: len(ends(told)) == 5, "all ends")

    assert {end.run.job for end in ends(told)} == set(range(1, 6))


def test_a_run_is_found_again_where_its_journal_was_left(
    tmp_path: Path, host: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    handle = fork_launcher(tmp_path).start(spec(host))
    result_of(handle)
    reader = JournalReader(handle.folder / "journal.jsonl")
    before = len(reader.read()[:-1])
    last_line = (handle.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)[-1]

    watcher.follow(handle, reader.offset - len(last_line))
    wait_for(lambda: bool(ends(told)), "the end")

    assert before > 1
    assert kinds(told) == [RecordKind.FINISHED]


def test_a_run_that_is_followed_twice_is_told_once(
    tmp_path: Path, host: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    handle = fork_launcher(tmp_path).start(spec(host))
    watcher.follow(handle)
    watcher.follow(handle)
    wait_for(lambda: not watcher.followed(), "the end")

    assert len(ends(told)) == 1
    assert len(kinds(told)) == 6


def test_a_run_whose_process_was_killed_is_lost(
    tmp_path: Path, host: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    handle = fork_launcher(tmp_path).start(spec(host, "slow"))
    watcher.follow(handle)
    runner = RunFolder(handle.folder).runner()
    assert runner is not None
    wait_for(lambda: RecordKind.PROGRESS in kinds(told), "progress")

    os.kill(runner.pid, signal.SIGKILL)
    wait_for(lambda: bool(ends(told)), "the end", seconds=5)

    lost = ends(told)[0]
    assert isinstance(lost, RunLost)
    assert lost.status == RunStatus(known=True, begun=True, same_boot=True)
    assert lost.sentence == "The run's process was killed before it could write a result."
    end(handle.folder, runner.session)


def test_a_run_whose_folder_has_gone_is_lost(
    tmp_path: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    watcher.follow(RunHandle(RunName(3, 1), tmp_path / "runs/3-1"))
    wait_for(lambda: bool(ends(told)), "the end", seconds=5)

    lost = ends(told)[0]
    assert isinstance(lost, RunLost)
    assert "folder of the run has gone" in lost.sentence


def test_a_result_that_cannot_be_read_is_a_lost_run(
    tmp_path: Path, host: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    handle = fork_launcher(tmp_path).start(spec(host))
    result_of(handle)
    (handle.folder / "result.json").write_text('{"version": 9}')

    watcher.follow(handle)
    wait_for(lambda: bool(ends(told)), "the end")

    lost = ends(told)[0]
    assert isinstance(lost, RunLost)
    assert "version 9" in lost.sentence


class Silent(ForkLauncher):
    """A launcher that starts runs and then is never heard of again."""

    asked = 0

    def status(self, run: RunName) -> RunStatus:
        self.asked += 1
        raise LauncherUnavailable(f"Nobody tells of {run}.")


SOON = timedelta(seconds=0.5)


@pytest.fixture
def silent(tmp_path: Path) -> Silent:
    observed = ObserverSpec(HostSettings(root=tmp_path), (), tmp_path)
    return Silent(tmp_path, observed, runner=RUNNER)


@pytest.fixture
def impatient(silent: Silent, told: list[WatcherEvent]) -> Iterator[Watcher]:
    watching = Watcher(silent, told.append, SOON)
    watching.start()
    yield watching
    watching.stop()


def test_a_launcher_that_cannot_be_asked_is_no_evidence_of_a_loss(
    tmp_path: Path, silent: Silent, impatient: Watcher, told: list[WatcherEvent]
) -> None:
    impatient.follow(RunHandle(RunName(3, 1), tmp_path / "runs/3-1"))

    wait_for(lambda: silent.asked >= 3, "three questions", seconds=8)

    assert told == []
    assert impatient.followed() == {RunName(3, 1)}


def test_without_a_launcher_a_run_that_lives_is_followed_and_a_dead_one_is_lost(
    host: Path, silent: Silent, impatient: Watcher, told: list[WatcherEvent]
) -> None:
    handle = silent.start(spec(host, "slow"))
    impatient.follow(handle)
    runner = RunFolder(handle.folder).runner()
    assert runner is not None
    wait_for(lambda: silent.asked >= 3, "three questions", seconds=8)
    assert ends(told) == []

    os.kill(runner.pid, signal.SIGKILL)
    wait_for(lambda: bool(ends(told)), "the end", seconds=5)

    lost = ends(told)[0]
    assert isinstance(lost, RunLost)
    assert "was killed before it could write a result" in lost.sentence
    end(handle.folder, runner.session)


def test_a_folder_that_cannot_be_read_does_not_end_the_watch_over_the_others(
    tmp_path: Path, host: Path, watcher: Watcher, told: list[WatcherEvent]
) -> None:
    launcher = fork_launcher(tmp_path)
    unreadable = launcher.start(spec(host))
    result_of(unreadable)
    (unreadable.folder / "journal.jsonl").unlink()
    (unreadable.folder / "journal.jsonl").mkdir()
    watcher.follow(unreadable)
    watcher.follow(launcher.start(spec(host, job=2)))

    wait_for(lambda: bool(ends(told)), "the end of the other")

    assert [end.run for end in ends(told)] == [RunName(2, 1)]
    assert watcher.followed() == {RunName(1, 1)}
    # Mended, it tells the rest.
    (unreadable.folder / "journal.jsonl").rmdir()
    wait_for(lambda: len(ends(told)) == 2, "its end")
