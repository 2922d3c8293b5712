"""Processes are started clean, bounded in time and memory, and ended as a whole."""

import os
import pwd
import resource
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.errors import HostFailure, Reason
from handlers.host import process_table, processes
from handlers.host.processes import Completed, run, start

SOON = timedelta(seconds=20)
NOBODY = "nobody"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


def shell(
    script: str, *, check: bool = True, output: Callable[[str], None] | None = None
) -> Completed:
    return run(("sh", "-c", script), timeout=SOON, check=check, output=output)


def is_running(pid: int) -> bool:
    found = process_table.entry(pid)
    return found is not None and found.is_running


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < deadline, f"{pid} is still running"
        time.sleep(0.01)


def test_both_streams_and_the_exit_code_come_back() -> None:
    completed = shell("echo said; echo wrong >&2; exit 3", check=False)

    assert (completed.exit_code, completed.output, completed.errors) == (3, "said\n", "wrong\n")
    assert 0 < completed.seconds < 5


def test_the_environment_is_built_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    monkeypatch.delenv("ZULIP_OPS_RUN", raising=False)

    said = run(("env",), timeout=SOON, environment={"PGHOST": "here"}).output.splitlines()

    assert sorted(said) == ["LC_ALL=C.UTF-8", "PATH=" + processes.PATH, "PGHOST=here"]


def test_the_marker_of_the_run_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZULIP_OPS_RUN", "12-2")

    assert "ZULIP_OPS_RUN=12-2" in run(("env",), timeout=SOON).output


def test_a_process_starts_at_the_root_with_a_strict_mask_and_nothing_to_read() -> None:
    assert shell("pwd; umask; cat | wc -c").output.split() == ["/", "0077", "0"]


def test_a_process_leads_its_own_group() -> None:
    pid, group = shell("echo $$; cut -d' ' -f5 /proc/$$/stat").output.split()

    assert pid == group


def test_input_is_handed_over_whole() -> None:
    content = os.urandom(3_000_000)

    assert run(("wc", "-c"), timeout=SOON, stdin=content).output.strip() == "3000000"


def test_output_that_is_not_text_is_replaced() -> None:
    assert shell(r"printf 'a\377b'").output == "a\ufffdb"


def test_a_failure_names_the_program_the_code_and_the_last_lines() -> None:
    with pytest.raises(HostFailure) as failure:
        shell("seq 100; echo password=hunter2 >&2; exit 4")

    assert failure.value.message == "`sh` ended with exit code 4."
    assert failure.value.reason is Reason.TOOL_FAILED
    lines = failure.value.tail.splitlines()
    assert len(lines) == processes.TAIL_LINES
    assert "100" in lines
    assert "password=[hidden]" in lines


def test_an_end_by_signal_is_said() -> None:
    with pytest.raises(HostFailure, match="`sh` was ended by signal 9"):
        shell("kill -9 $$")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(HostFailure, match="`no-such-program` does not exist on this host"):
        run(("no-such-program", "x"), timeout=SOON)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostFailure, match="gone` does not exist on this host"):
        run(("true",), timeout=SOON, directory=tmp_path / "gone")


def test_a_file_that_may_not_be_executed_is_named(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo")

    with pytest.raises(HostFailure, match="script` cannot be started: Permission denied"):
        run((str(script),), timeout=SOON)


def test_an_unknown_account_is_named() -> None:
    with pytest.raises(HostFailure, match="no account `no-such-person`") as failure:
        run(("true",), timeout=SOON, user="no-such-person")

    assert failure.value.reason is Reason.NOT_CONFIGURED


@needs_root
def test_root_gives_up_its_rights_whole() -> None:
    account = pwd.getpwnam(NOBODY)

    said = run(("sh", "-c", "id -u; id -g; id -G"), timeout=SOON, user=NOBODY).output.split()

    assert said[:2] == [str(account.pw_uid), str(account.pw_gid)]
    assert "0" not in said


def test_the_time_limit_ends_the_whole_group_even_when_it_does_not_want_to(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    script = (
        f"trap '' TERM; echo $$ >> {pids}; (echo $$; sh -c 'echo $$ >> {pids}; sleep 60') & wait"
    )
    started = time.monotonic()

    with pytest.raises(HostFailure, match=r"did not end within 0\.3 s and was stopped") as failure:
        run(("sh", "-c", script), timeout=timedelta(seconds=0.3))

    assert failure.value.reason is Reason.TIME_LIMIT
    assert time.monotonic() - started < 5
    for pid in pids.read_text().split():
        wait_until_gone(int(pid))


def test_the_time_limit_also_holds_for_a_tool_that_never_stops_talking() -> None:
    with pytest.raises(HostFailure) as failure:
        run(("yes",), timeout=timedelta(seconds=0.2))

    assert failure.value.reason is Reason.TIME_LIMIT


def test_an_exception_during_the_wait_ends_the_process(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def refuse(_text: str) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        run(("sh", "-c", f"echo $$ > {pid}; echo; sleep 60"), timeout=SOON, output=refuse)

    wait_until_gone(int(pid.read_text()))


def test_a_daemon_that_keeps_the_pipe_does_not_hold_us_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    started = time.monotonic()

    completed = shell(f"sleep 60 & echo $! > {pid}; echo started")

    assert completed.output == "started\n"
    assert time.monotonic() - started < 5
    os.kill(int(pid.read_text()), signal.SIGKILL)


def test_lines_of_both_streams_never_mix() -> None:
    said: list[str] = []

    shell("printf one; sleep .05; echo two >&2; sleep .05; echo ' three'", output=said.append)

    assert said == ["two\n", "one three\n"]


def test_a_last_line_without_an_end_is_handed_on_too() -> None:
    said: list[str] = []

    shell("printf open", output=said.append)

    assert said == ["open"]


def test_huge_output_costs_little_memory_and_keeps_its_end() -> None:
    script = "head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo end"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said: list[str] = []

    completed = shell(script, output=said.append)

    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 20
    assert completed.output.endswith("xxx\nend\n")
    assert completed.output.startswith("[998951429 bytes before this were left out]\n")
    assert "".join(said) == "[a line of more than 1 MiB was left out]\nend\n"


def test_an_endless_line_in_a_failure_is_left_out_rather_than_cut_in_two() -> None:
    with pytest.raises(HostFailure) as failure:
        shell("head -c 3000000 /dev/zero | tr '\\0' x; exit 1")

    assert failure.value.tail == "[a line of more than 1 MiB was left out]"


def test_a_started_process_is_read_while_it_runs() -> None:
    with start(("sh", "-c", "echo first; read line; echo $line; echo bad >&2"), stdin=True) as tool:
        assert tool.stdin is not None
        assert tool.stdout.readline() == b"first\n"
        tool.stdin.write(b"second\n")
        tool.stdin.close()
        assert tool.stdout.read() == b"second\n"
        assert tool.wait(SOON) == 0
        assert tool.errors == "bad\n"


def test_a_process_that_floods_its_errors_does_not_block() -> None:
    with start(("sh", "-c", "seq 300000 >&2; echo done")) as tool:
        assert tool.stdout.read() == b"done\n"
        tool.check(SOON)
        assert tool.errors.endswith("299999\n300000\n")
        assert len(tool.errors) < 2 * processes.TAIL_BYTES


def test_leaving_the_block_ends_what_still_runs() -> None:
    with start(("sh", "-c", "sleep 60 & sleep 60")) as tool:
        pid = tool.pid
        assert is_running(pid)

    assert not is_running(pid)


def test_a_started_process_that_fails_says_why() -> None:
    with (
        start(("sh", "-c", "echo token=12345 >&2; exit 2")) as tool,
        pytest.raises(HostFailure, match="`sh` ended with exit code 2") as failure,
    ):
        tool.check(SOON)

    assert failure.value.tail == "token=[hidden]"


def test_a_started_process_has_a_time_limit() -> None:
    with start(("sleep", "60")) as tool:
        with pytest.raises(HostFailure) as failure:
            tool.wait(timedelta(seconds=0.1))
        assert failure.value.reason is Reason.TIME_LIMIT
        assert not is_running(tool.pid)


def test_processes_are_started_from_many_threads_at_once() -> None:
    said: list[str] = []

    def one(number: int) -> None:
        said.append(run(("echo", str(number)), timeout=SOON).output.strip())

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(said, key=int) == [str(number) for number in range(20)]


def test_nothing_of_a_started_process_stays_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        shell("true")
        with start(("true",)):
            pass

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (timedelta(hours=2), "2 h"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(seconds=90), "90 s"),
        (timedelta(seconds=0.3), "0.3 s"),
    ],
)
def test_limits_are_said_in_words(limit: timedelta, words: str) -> None:
    assert processes.in_words(limit) == words
