"""A run whose disk fails under it tells the truth: what was done, and what could not be recorded.

The failures are made by strace, at the real system calls of a real runner.
"""

import shutil
from pathlib import Path

import pytest

from jobs.journal import ResultStatus
from tests.fakes.runs import RUNNER, fork_launcher, result_of, spec

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace, which makes the disk fail, is not installed"
)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    root = tmp_path / "host"
    root.mkdir()
    return root


def failing(state: Path, name: str, fault: str) -> tuple[str, ...]:
    """A runner for which one file of its folder fails as told."""
    path = state / "runs" / "1-1" / name
    trace = ("-e", "trace=fsync,write", "-e", f"inject={fault}", "-o", str(state / "trace"))
    return ("strace", "-f", "-P", str(path), *trace, *RUNNER)


def effects(host: Path) -> list[str]:
    file = host / "effects"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("fault", ["fsync:error=EIO:when=1..2", "write:error=ENOSPC:when=1..2"])
def test_a_result_that_the_disk_refuses_is_written_again(
    tmp_path: Path, host: Path, fault: str
) -> None:
    runner = failing(tmp_path, "result.json.new", fault)
    handle = fork_launcher(tmp_path, runner=runner).start(spec(host))

    assert result_of(handle).status is ResultStatus.SUCCEEDED
    assert effects(host) == ["1-1"]
    assert (tmp_path / "trace").read_text().count("INJECTED") == 2


@pytest.mark.parametrize("fault", ["fsync:error=EIO", "write:error=EIO:when=2+"])
def test_a_journal_that_cannot_be_kept_is_told_with_the_result(
    tmp_path: Path, host: Path, fault: str
) -> None:
    runner = failing(tmp_path, "journal.jsonl", fault)
    result = result_of(fork_launcher(tmp_path, runner=runner).start(spec(host)))

    assert result.status is ResultStatus.SUCCEEDED
    assert result.state == (
        "The server runs. The journal could not be written: Input/output error."
    )
    assert effects(host) == ["1-1"]


def test_a_run_that_cannot_be_claimed_for_certain_does_nothing(tmp_path: Path, host: Path) -> None:
    """It has taken the folder and died: a lost run, of which nothing was done."""
    launcher = fork_launcher(tmp_path, runner=failing(tmp_path, "", "fsync:error=EIO:when=2"))
    handle = launcher.start(spec(host))

    status = launcher.status(handle.name)
    assert (status.begun, status.alive, status.ended) == (True, False, False)
    assert effects(host) == []
