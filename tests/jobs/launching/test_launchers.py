"""Runs are started once, outlive who started them, and end as a whole: with every launcher."""

import grp
import json
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.errors import Reason
from handlers.host import process_table, processes
from handlers.host.settings import HostSettings
from jobs.journal import ResultStatus, RunName
from jobs.launcher import AlreadyStarted, Launcher, LauncherUnavailable, RunStatus
from jobs.launching import cancelling
from jobs.launching import fork_launcher as fork_launcher_module
from jobs.launching import systemd_launcher as systemd_launcher_module
from jobs.launching.fork_launcher import ForkLauncher
from jobs.launching.grant import Grant
from jobs.launching.grant_ledger import GRANTS_FILE, GrantLedger
from jobs.launching.helper_launcher import HelperLauncher
from jobs.observing.facts import read_facts
from jobs.observing.observer_spec import ObserverSpec
from jobs.runs.host_lock import LOCK_FILE, read_holder
from jobs.runs.run_folder import RunFolder
from tests.fakes import systemd as fake_systemd
from tests.fakes import unprivileged_bot
from tests.fakes.helper import FakeHelper
from tests.fakes.runs import (
    RUNNER,
    fork_launcher,
    planning,
    result_of,
    spec,
    systemd_launcher,
    wait_for,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    root = tmp_path / "host"
    root.mkdir()
    return root


@pytest.fixture(params=["fork", "systemd", "helper"])
def launcher(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Launcher]:
    """Each test runs against all backends: they are the same to the bot."""
    forks = fork_launcher(tmp_path)
    if request.param == "fork":
        yield forks
        return
    if request.param == "systemd":
        yield systemd_launcher(tmp_path, fake_systemd.install(tmp_path / "systemd"))
        return
    # Socket names are short by law of the kernel.
    with tempfile.TemporaryDirectory(prefix="ops") as directory:
        path = Path(directory) / "helper.sock"
        with FakeHelper(path, forks):
            yield HelperLauncher(path)


def test_a_run_is_started_once(host: Path, launcher: Launcher) -> None:
    handle = launcher.start(spec(host))
    with pytest.raises(AlreadyStarted, match="1-1"):
        launcher.start(spec(host))

    assert result_of(handle).status is ResultStatus.SUCCEEDED
    with pytest.raises(AlreadyStarted):
        launcher.start(spec(host))
    assert (host / "effects").read_text() == "1-1\n"


def test_of_many_starts_at_once_one_has_its_effect(host: Path, launcher: Launcher) -> None:
    refused: list[Exception] = []

    def start() -> None:
        try:
            launcher.start(spec(host))
        except AlreadyStarted as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wait_for(lambda: launcher.status(RunName(1, 1)).ended)
    wait_for(lambda: not launcher.status(RunName(1, 1)).alive)
    assert (host / "effects").read_text() == "1-1\n"


def test_the_status_follows_the_run(host: Path, launcher: Launcher) -> None:
    assert launcher.status(RunName(1, 1)) == RunStatus()

    handle = launcher.start(spec(host, "slow"))
    under_way = RunStatus(known=True, begun=True, alive=True, same_boot=True)
    assert launcher.status(handle.name).alive
    wait_for(lambda: launcher.status(handle.name) == under_way, "the claim")

    launcher.cancel(handle.name)
    assert result_of(handle).status is ResultStatus.CANCELLED
    wait_for(lambda: not launcher.status(handle.name).alive)
    assert launcher.status(handle.name).ended


def test_cancelling_does_not_wait(host: Path, launcher: Launcher) -> None:
    handle = launcher.start(spec(host, "slow"))
    started = time.monotonic()

    launcher.cancel(handle.name)

    # Of a grace that is longer.
    assert time.monotonic() - started < 3
    result_of(handle)
    launcher.cancel(handle.name)  # once more is nothing


def test_cancelling_what_is_not_there_is_nothing(launcher: Launcher) -> None:
    launcher.cancel(RunName(7, 7))


def test_a_runner_that_does_not_listen_is_ended_with_all_its_children(
    host: Path, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "CANCEL_GRACE", processes.TERMINATE_GRACE / 4)
    monkeypatch.setattr(systemd_launcher_module, "STOP_GRACE", processes.TERMINATE_GRACE / 4)
    handle = launcher.start(spec(host, "stubborn"))
    pids = host / "pids"
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) >= 4, "the tree")

    launcher.cancel(handle.name)

    wait_for(lambda: not launcher.status(handle.name).alive)
    wait_for(lambda: launcher.status(handle.name).left_over == ())
    assert not launcher.status(handle.name).ended
    left = [entry for pid in pids.read_text().split() if (entry := process_table.entry(int(pid)))]
    assert not [entry for entry in left if entry.is_running]


def test_a_process_that_was_given_the_same_id_later_is_not_taken_for_the_runner(
    host: Path, tmp_path: Path, launcher: Launcher
) -> None:
    result_of(launcher.start(spec(host)))
    file = RunFolder(tmp_path / "runs/1-1").pid_file
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"pid": os.getpid()}))
    (tmp_path / "runs/1-1/result.json").unlink()

    wait_for(lambda: not launcher.status(RunName(1, 1)).alive)
    launcher.cancel(RunName(1, 1))  # or this test would end here


def test_a_run_outlives_whoever_started_it(host: Path, tmp_path: Path) -> None:
    program = f"""if True:
        import sys, time; sys.path.insert(0, {str(Path.cwd())!r})
        from pathlib import Path
        from tests.fakes.runs import fork_launcher, spec
        fork_launcher(Path({str(tmp_path)!r})).start(spec(Path({str(host)!r}), "slow"))
        print("started", flush=True); time.sleep(60)
    """
    bot = subprocess.Popen(
        (sys.executable, "-c", program), stdout=subprocess.PIPE, start_new_session=True
    )
    assert bot.stdout is not None
    assert bot.stdout.readline() == b"started\n"
    os.killpg(bot.pid, signal.SIGKILL)
    bot.wait()
    bot.stdout.close()

    again = fork_launcher(tmp_path)
    assert again.status(RunName(1, 1)).alive
    again.cancel(RunName(1, 1))
    wait_for(lambda: again.status(RunName(1, 1)).ended)


def test_a_runner_has_no_terminal_no_pipe_and_a_clean_environment(
    host: Path, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_BOT", "1")
    handle = launcher.start(spec(host, "slow"))
    folder = RunFolder(handle.folder)
    wait_for(lambda: folder.has_begun, "the claim")
    runner = folder.runner()
    assert runner is not None
    proc = Path(f"/proc/{runner.pid}")

    assert {str((proc / f"fd/{n}").readlink()) for n in (0, 1)} == {"/dev/null"}
    assert (proc / "cwd").readlink() == Path("/")
    names = {v.partition(b"=")[0] for v in (proc / "environ").read_bytes().split(b"\0") if v}
    # systemd tells a service which start of it this is.
    assert names - {b"INVOCATION_ID"} == {b"PATH", b"LC_ALL", b"ZULIP_OPS_RUN"}
    assert os.getsid(runner.pid) != os.getsid(0)
    launcher.cancel(handle.name)
    result_of(handle)


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path: Path, host: Path) -> None:
    (tmp_path / "runs").write_text("a file")

    with pytest.raises(LauncherUnavailable, match="runs"):
        fork_launcher(tmp_path).start(spec(host))


def test_an_interpreter_that_is_gone_is_told(tmp_path: Path, host: Path) -> None:
    launcher = fork_launcher(tmp_path, runner=("/no/such/python",))

    with pytest.raises(LauncherUnavailable, match="`/no/such/python` does not exist"):
        launcher.start(spec(host))


def test_the_real_runner_and_its_registry_load_in_isolation(tmp_path: Path, host: Path) -> None:
    launcher = fork_launcher(tmp_path, runner=fork_launcher_module.RUNNER)

    result = result_of(launcher.start(spec(host, operation="no such thing")))

    assert "no such thing" in result.sentence


def test_a_round_of_observations_leaves_facts_and_is_not_begun_twice(
    tmp_path: Path, host: Path
) -> None:
    launcher = ForkLauncher(tmp_path, ObserverSpec(HostSettings(root=host), (), tmp_path))
    started = time.monotonic()

    launcher.facts()
    launcher.facts()

    assert time.monotonic() - started < 0.5
    wait_for((tmp_path / "facts.json").exists, "the round")
    assert len(observers()) <= 1
    wait_for(lambda: not observers())


def test_who_asks_during_a_round_gets_one_that_began_afterwards(tmp_path: Path, host: Path) -> None:
    launcher = ForkLauncher(tmp_path, ObserverSpec(HostSettings(root=host), (), tmp_path))
    launcher.facts()
    wait_for((tmp_path / "facts.json").exists, "the round")
    # Its process has yet to end.
    asked = datetime.now(UTC)
    launcher.facts()
    wait_for(lambda: not observers())

    facts = read_facts(tmp_path)
    assert facts is not None
    assert facts.started_at >= asked


def observers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "observer"]


@needs_root
def test_an_account_without_rights_has_runs_made_by_root_and_can_only_read_them() -> None:
    nobody = pwd.getpwnam("nobody")
    group = grp.getgrgid(nobody.pw_gid).gr_name
    with tempfile.TemporaryDirectory(prefix="ops", dir="/tmp") as directory:
        state = Path(directory)
        state.chmod(0o755)
        host = state / "host"
        host.mkdir(0o700)
        path = state / "helper.sock"
        launcher = fork_launcher(state, group=group, runner=RUNNER)
        bot = (sys.executable, "-I", unprivileged_bot.__file__, "nobody", str(path), str(host))
        with FakeHelper(path, launcher, group_id=nobody.pw_gid):
            told = json.loads(processes.run(bot, timeout=timedelta(seconds=60)).output)
        owners = {file.stat().st_uid for file in (state / "runs/1-2").iterdir()}

    assert told.pop("log")
    assert told.pop("card").startswith("**Job #1: fake change**")
    assert told == {
        "uid": nobody.pw_uid,
        "planned": "planned",
        "status": "succeeded",
        "records": 6,
        "ended": True,
        "forbidden": list(unprivileged_bot.ATTEMPTS),
    }
    assert owners == {0}


def test_both_plan_and_run_go_through_the_same_door(host: Path, launcher: Launcher) -> None:
    assert result_of(launcher.plan(planning(spec(host)))).status is ResultStatus.PLANNED


def test_a_run_that_something_else_tells_to_end_says_so(host: Path, launcher: Launcher) -> None:
    handle = launcher.start(spec(host, "slow"))
    folder = RunFolder(handle.folder)
    wait_for(lambda: read_holder(host.parent / LOCK_FILE) is not None, "its beginning")
    runner = folder.runner()
    assert runner is not None

    os.kill(runner.pid, signal.SIGTERM)

    result = result_of(handle)
    assert (result.status, result.reason) == (ResultStatus.FAILED, Reason.TERMINATED)
    assert "not by zulip-ops" in result.sentence


def test_a_run_that_was_cancelled_before_it_began_does_nothing(
    host: Path, tmp_path: Path, launcher: Launcher
) -> None:
    folder = RunFolder(tmp_path / "runs/1-1")
    folder.path.mkdir(parents=True)
    folder.ask_to_cancel()

    assert result_of(launcher.start(spec(host))).status is ResultStatus.CANCELLED
    assert not (host / "effects").exists()


def test_a_start_that_went_wrong_is_over(host: Path, tmp_path: Path) -> None:
    with pytest.raises(LauncherUnavailable):
        fork_launcher(tmp_path, runner=("/no/such/python",)).start(spec(host))
    # Whatever was on its way comes too late, and so does a bot that was not there to hear of it.
    with pytest.raises(AlreadyStarted):
        fork_launcher(tmp_path).start(spec(host))
    processes.run((*RUNNER, str(tmp_path / "runs/1-1")), timeout=timedelta(seconds=20))

    result = RunFolder(tmp_path / "runs/1-1").read_result()
    assert result is not None
    assert (result.status, result.reason) == (ResultStatus.FAILED, Reason.NOT_CONFIGURED)
    assert "`/no/such/python` does not exist" in result.sentence
    assert not (host / "effects").exists()


GRANT = Grant(
    schedule="nightly",
    command="backup now",
    cron="0 2 * * *",
    tz="Europe/Berlin",
    policy_sha256="0" * 64,
    epoch=1,
    message_id=4711,
)


def test_a_grant_is_kept_until_it_is_revoked(tmp_path: Path, launcher: Launcher) -> None:
    ledger = GrantLedger(tmp_path / GRANTS_FILE)

    assert launcher.grant(GRANT) == GRANT.mark
    assert ledger.grants() == {"nightly": GRANT}

    assert launcher.revoke("nightly")
    assert not launcher.revoke("nightly")
    assert ledger.grants() == {}
