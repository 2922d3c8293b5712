"""A run in its own process goes from its spec to a result, whatever happens on the way."""

import fcntl
import hashlib
import json
import os
import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.errors import Reason
from handlers.host import process_table
from handlers.host.processes import run
from handlers.host.redaction import MASK
from jobs.journal import ResultStatus, RunResult, RunSpec
from jobs.launching.fork_launcher import ForkLauncher
from jobs.runs import crashpoints, process_tree
from jobs.runs.host_lock import Holder, hold, read_holder
from jobs.runs.journal_reader import JournalReader
from jobs.runs.records import RecordKind
from jobs.runs.run_folder import RunFolder
from tests.architecture.tree import sources
from tests.fakes.runs import NOON, RUNNER, fork_launcher, planning, result_of, spec, wait_for

NOTHING = "Nothing was changed."


@pytest.fixture
def host(tmp_path: Path) -> Path:
    root = tmp_path / "host"
    root.mkdir()
    return root


@pytest.fixture
def launcher(tmp_path: Path) -> ForkLauncher:
    return fork_launcher(tmp_path)


@pytest.fixture
def performed(launcher: ForkLauncher) -> Callable[[RunSpec], RunResult]:
    def perform(wanted: RunSpec) -> RunResult:
        start = launcher.plan if wanted.mode == "plan" else launcher.start
        return result_of(start(wanted))

    return perform


Performed = Callable[[RunSpec], RunResult]


def folder_of(tmp_path: Path, name: str = "1-1") -> RunFolder:
    return RunFolder(tmp_path / "runs" / name)


def kinds(folder: RunFolder) -> list[RecordKind]:
    return [record.kind for record in JournalReader(folder.journal_file).read()]


def test_a_run_that_goes_well_tells_all(tmp_path: Path, host: Path, performed: Performed) -> None:
    result = performed(spec(host))

    assert (result.status, result.reason) == (ResultStatus.SUCCEEDED, Reason.DONE)
    assert (result.sentence, result.state, result.next) == (
        "It is done.",
        "The server runs.",
        "history",
    )
    assert result.facts == {"effects": 1}
    assert result.started_at <= result.ended_at
    assert result.boot_id == process_table.boot_id()
    assert (host / "effects").read_text() == "1-1\n"
    assert kinds(folder_of(tmp_path)) == [
        *(RecordKind.STARTED, RecordKind.STEP, RecordKind.STEP_DONE),
        *(RecordKind.STEP, RecordKind.STEP_DONE, RecordKind.FINISHED),
    ]


def test_a_plan_leaves_the_card_that_the_result_vouches_for(
    tmp_path: Path, host: Path, performed: Performed
) -> None:
    result = performed(planning(spec(host)))

    card = folder_of(tmp_path).card_file.read_text()
    assert result.status is ResultStatus.PLANNED
    assert result.plan is not None
    assert result.plan.binding == {"version": "1"}
    assert result.card_sha256 == hashlib.sha256(card.encode()).hexdigest()
    assert result.fingerprint is not None
    assert result.fingerprint in card
    assert not (host / "effects").exists()


def test_what_was_consented_to_is_carried_out(host: Path, performed: Performed) -> None:
    planned = performed(planning(spec(host)))

    result = performed(replace(spec(host, attempt=2), fingerprint=planned.fingerprint))

    assert result.status is ResultStatus.SUCCEEDED
    assert result.fingerprint == planned.fingerprint


def test_another_plan_than_was_consented_to_is_stale(host: Path, performed: Performed) -> None:
    planned = performed(planning(spec(host)))
    (host / "version").write_text("2")

    result = performed(replace(spec(host, attempt=2), fingerprint=planned.fingerprint))

    assert (result.status, result.reason) == (ResultStatus.STALE, Reason.PLAN_CHANGED)
    assert result.state == NOTHING
    assert not (host / "effects").exists()


def test_a_precondition_that_does_not_hold_any_more_fails_the_preflight(
    host: Path, performed: Performed
) -> None:
    planned = performed(planning(spec(host)))
    (host / "full").touch()

    result = performed(replace(spec(host, attempt=2), fingerprint=planned.fingerprint))

    assert (result.status, result.reason) == (ResultStatus.FAILED, Reason.PREFLIGHT_FAILED)
    assert (result.sentence, result.state) == ("There must be room.", NOTHING)
    assert not (host / "effects").exists()


def test_a_plan_with_an_unmet_precondition_is_still_a_plan(
    tmp_path: Path, host: Path, performed: Performed
) -> None:
    (host / "full").touch()

    assert performed(planning(spec(host))).status is ResultStatus.PLANNED
    assert "- ✘ **not met**: There must be room." in folder_of(tmp_path).card_file.read_text()


def test_a_plan_that_no_message_can_hold_is_refused(
    tmp_path: Path, host: Path, performed: Performed
) -> None:
    result = performed(planning(spec(host, "plan is long")))

    assert (result.status, result.state) == (ResultStatus.FAILED, NOTHING)
    assert result.reason is Reason.PREFLIGHT_FAILED
    assert result.sentence.startswith("The plan is too long to be shown whole")
    assert not folder_of(tmp_path).card_file.exists()


def test_a_tool_that_fails_is_told_with_its_last_lines(host: Path, performed: Performed) -> None:
    result = performed(spec(host, "fail"))

    assert (result.status, result.reason) == (ResultStatus.FAILED, Reason.TOOL_FAILED)
    assert result.sentence == "`sh` ended with exit code 3."
    assert result.tail == "it went wrong"
    assert result.state == "It ended during “Do it”."


def test_a_plan_that_fails_changed_nothing(host: Path, performed: Performed) -> None:
    result = performed(planning(spec(host, "plan fails")))

    assert (result.status, result.state) == (ResultStatus.FAILED, NOTHING)
    assert result.tail == "cannot look"


def test_a_bug_is_told_without_its_traceback_which_is_in_the_log(
    tmp_path: Path, host: Path, performed: Performed
) -> None:
    result = performed(spec(host, "bug"))

    assert result.reason is Reason.BUG
    assert result.sentence == "zulip-ops itself is at fault (ValueError)."
    assert "Traceback" not in json.dumps(result.to_json())
    log = folder_of(tmp_path).output_file.read_text()
    assert "Traceback" in log
    assert "ValueError: nobody thought of this" in log


def test_a_full_disk_has_its_own_reason(host: Path, performed: Performed) -> None:
    result = performed(spec(host, "disk full"))

    assert result.reason is Reason.DISK_FULL
    assert result.sentence == f"The disk is full at `{host}/big`."


def test_wrong_arguments_are_a_bug_and_nothing_worse(host: Path, performed: Performed) -> None:
    wrong = replace(spec(host), arguments={"no_such": 1})

    assert performed(wrong).reason is Reason.BUG


def test_an_unknown_operation_ends_with_a_result(host: Path, performed: Performed) -> None:
    result = performed(spec(host, operation="no such thing"))

    assert (result.status, result.reason, result.state) == (
        ResultStatus.FAILED,
        Reason.BUG,
        NOTHING,
    )


def test_the_time_limit_of_the_operation_ends_the_run(host: Path, performed: Performed) -> None:
    result = performed(spec(host, "tree", operation="fake upgrade"))

    assert (result.status, result.reason) == (ResultStatus.FAILED, Reason.TIME_LIMIT)
    assert result.sentence == "The run did not end within 3 s and was stopped."
    assert_all_gone(host)


def test_huge_output_is_cut_and_said(tmp_path: Path, host: Path, performed: Performed) -> None:
    # 60 MB: the log takes 50.
    assert performed(spec(host, "huge")).status is ResultStatus.SUCCEEDED

    log = folder_of(tmp_path).output_file
    assert 49 << 20 < log.stat().st_size < 51 << 20
    with log.open("rb") as file:
        file.seek(-200, os.SEEK_END)
        assert b"[the log was cut here, at 50 MiB]" in file.read()


def test_a_secret_of_the_host_reaches_no_file_of_the_run(
    tmp_path: Path, host: Path, performed: Performed
) -> None:
    secret = secrets.token_urlsafe(24)
    (host / "etc/zulip").mkdir(parents=True)
    (host / "etc/zulip/zulip-secrets.conf").write_text(f"[secrets]\nsecret_key = {secret}\n")
    (host / "secret").write_text(secret)

    result = performed(spec(host, "secret"))

    assert result.sentence == f"It failed with {MASK}."
    assert result.hint == f"Do not use {MASK}."
    assert result.facts == {"found": {"deep": [MASK]}}
    for file in folder_of(tmp_path).path.iterdir():
        assert secret not in file.read_text()


def wait_for_tree(host: Path) -> list[int]:
    pids = host / "pids"
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) >= 4, "the tree")
    return [int(pid) for pid in pids.read_text().split()]


def is_running(pid: int) -> bool:
    found = process_table.entry(pid)
    return found is not None and found.is_running


def assert_all_gone(host: Path) -> None:
    pids = [int(pid) for pid in (host / "pids").read_text().split()]
    wait_for(lambda: not any(is_running(pid) for pid in pids), "the end of the tree")


def test_cancelling_ends_the_whole_tree_and_tells_what_was_left(
    tmp_path: Path, host: Path, launcher: ForkLauncher
) -> None:
    handle = launcher.start(spec(host, "tree"))
    wait_for_tree(host)
    started = time.monotonic()

    launcher.cancel(handle.name)
    assert time.monotonic() - started < 0.5

    result = result_of(handle)
    assert (result.status, result.reason) == (ResultStatus.CANCELLED, Reason.CANCELLED)
    assert result.state == "It ended during “Do it”."
    assert_all_gone(host)
    wait_for(lambda: not process_tree.members(handle.folder), "the end of the runner")
    assert kinds(folder_of(tmp_path))[-1] is RecordKind.FINISHED


def test_cancelling_a_plan_changes_nothing(host: Path, launcher: ForkLauncher) -> None:
    handle = launcher.plan(planning(spec(host, "plan is slow")))
    launcher.cancel(handle.name)

    result = result_of(handle)
    assert (result.status, result.state) == (ResultStatus.CANCELLED, NOTHING)


def test_a_second_run_that_changes_the_host_is_told_who_holds_it(
    tmp_path: Path, host: Path, launcher: ForkLauncher
) -> None:
    first = launcher.start(spec(host, "slow"))
    lock = tmp_path / "host.lock"
    wait_for(lambda: read_holder(lock) is not None, "the lock")

    second = result_of(launcher.start(spec(host, job=2)))
    look = result_of(launcher.start(spec(host, job=3, operation="fake look")))

    assert (second.status, second.reason) == (ResultStatus.FAILED, Reason.BUSY)
    assert second.sentence.startswith("Job 1 (`fake change`) is changing this host since ")
    assert second.state == NOTHING
    assert look.status is ResultStatus.SUCCEEDED
    launcher.cancel(first.name)
    result_of(first)
    assert read_holder(lock) is None


def test_the_lock_of_a_runner_that_was_killed_is_free(
    tmp_path: Path, host: Path, launcher: ForkLauncher
) -> None:
    first = launcher.start(spec(host, "tree"))
    wait_for_tree(host)
    runner = RunFolder(first.folder).runner()
    assert runner is not None

    os.kill(runner.pid, signal.SIGKILL)
    wait_for(lambda: not runner.is_running, "the end of the runner")

    # Its tools still run, and they do not hold it.
    assert len(launcher.status(first.name).left_over) >= 4
    assert result_of(launcher.start(spec(host, job=2))).status is ResultStatus.SUCCEEDED
    process_tree.end(first.folder, runner.session)
    assert_all_gone(host)


def test_a_lock_is_let_go_when_its_holder_fails(tmp_path: Path) -> None:
    lock = tmp_path / "host.lock"
    holder = Holder(1, 2, "backup now", NOON, os.getpid())

    def fail() -> None:
        with hold(lock, holder):
            seen.append(read_holder(lock))
            raise KeyError

    seen: list[Holder | None] = []
    with pytest.raises(KeyError):
        fail()

    assert seen == [holder]
    assert read_holder(lock) is None
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_second_runner_of_the_same_folder_does_nothing(
    host: Path, tmp_path: Path, launcher: ForkLauncher, performed: Performed
) -> None:
    performed(spec(host))
    before = folder_of(tmp_path).result_file.read_bytes()

    run((*RUNNER, str(folder_of(tmp_path).path)), timeout=timedelta(seconds=20))

    assert (host / "effects").read_text() == "1-1\n"
    assert folder_of(tmp_path).result_file.read_bytes() == before


RUNNER_POINTS = crashpoints.RUN_POINTS[crashpoints.RUN_POINTS.index("run_begun") :]


@pytest.mark.parametrize("point", RUNNER_POINTS)
def test_dying_anywhere_leaves_either_a_result_or_the_evidence_that_there_is_none(
    point: str, host: Path, launcher: ForkLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = planning(spec(host)) if point == "card_written" else spec(host)
    monkeypatch.setenv(crashpoints.CRASH_AT, point)
    handle = (launcher.plan if wanted.mode == "plan" else launcher.start)(wanted)
    folder = RunFolder(handle.folder)
    runner = folder.runner()
    assert runner is not None
    wait_for(lambda: not runner.is_running, "the crash")

    has_result = point in {"result_renamed", "run_ended"}
    has_effect = RUNNER_POINTS.index(point) > RUNNER_POINTS.index("before_handler")
    status = launcher.status(handle.name)
    assert (status.begun, status.alive, status.ended) == (True, False, has_result)
    assert (folder.read_result() is not None) == has_result
    assert (host / "effects").exists() == has_effect


def test_dying_before_it_begins_leaves_the_attempt_free(
    tmp_path: Path, host: Path, launcher: ForkLauncher
) -> None:
    # As when whoever started it died with it; a starter that lives closes the folder instead.
    folder = folder_of(tmp_path)
    folder.path.parent.mkdir()
    assert folder.make(spec(host))
    dying = {crashpoints.CRASH_AT: "runner_started"}
    argv = (*RUNNER, str(folder.path))
    code = run(argv, timeout=timedelta(seconds=20), environment=dying, check=False).exit_code
    assert code == -signal.SIGKILL

    assert not launcher.status(spec(host).name).begun
    assert result_of(launcher.start(spec(host))).status is ResultStatus.SUCCEEDED
    assert (host / "effects").read_text() == "1-1\n"


def test_every_crash_point_is_listed_and_every_listed_one_exists() -> None:
    found = [
        word.partition('"')[0]
        for source in sources("bot", "jobs", "handlers", "state")
        for word in source.text.split('crashpoint("')[1:]
    ]
    assert sorted(found) == sorted(crashpoints.POINTS)
