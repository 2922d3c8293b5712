"""A disk that fails costs no acknowledged commit, and the file is read before it is trusted again.

The failures are made by strace in a process of its own, at its real system calls.
"""

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from state import audit_log, job_store
from state.database import open_database
from tests.state.processes import ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace, which makes the disk fail, is not installed"
)

TIMES = 60


def persevere(path: Path, *faults: str, trace: Path | None = None) -> list[str]:
    """What a process says that writes so often, while its disk fails as told."""
    injected = [word for fault in faults for word in ("-e", f"inject={fault}")]
    done = subprocess.run(
        (
            *("strace", "-f", "-y", "-o", str(trace or path.parent / "trace")),
            *("-e", "trace=pwrite64,ftruncate,fsync,fdatasync", *injected),
            *(sys.executable, "-m", "tests.state.writer", str(path), "persevere", str(TIMES)),
        ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "open"
    assert len(said) == TIMES + 1
    return said[1:]


def acknowledged(said: list[str]) -> set[int]:
    return {int(line) for line in said if line.isdecimal()}


def refusals(said: list[str]) -> list[str]:
    return [line for line in said if not line.isdecimal()]


def stored(path: Path) -> set[int]:
    """The jobs that are there, in a database in which all is well."""
    with closing(open_database(path)) as database:
        assert database.integrity_problem() is None
        with database.read() as tx:
            assert audit_log.verify(tx) is None
            return {job.id for job in job_store.page(tx, limit=100_000)}


@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=10..14",
        "fdatasync:error=EIO:when=10+5",
        "pwrite64:error=EIO:when=60..70",
        "pwrite64:error=ENOSPC:when=60..70",
        "pwrite64:error=ENOSPC:when=60+40",
    ],
)
def test_what_was_acknowledged_is_there_whatever_failed(path: Path, fault: str) -> None:
    said = persevere(path, fault)
    assert refusals(said)
    assert all(line.startswith(("DiskRefuses: ", "DiskFull: ")) for line in refusals(said))
    assert acknowledged(said) <= stored(path)
    # It goes on by itself once the disk does.
    assert said[-1].isdecimal() or "+" in fault


def test_after_a_failed_sync_it_is_moved_out_of_the_log_and_opened_anew(
    path: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "calls"
    said = persevere(path, "fdatasync:error=EIO:when=10", trace=trace)
    assert len(refusals(said)) == 1
    after = trace.read_text().partition("INJECTED")[2]
    emptied = next(
        line for line in after.splitlines() if "ftruncate" in line and "-wal>, 0" in line
    )
    written_again = after.partition(emptied)[2]
    assert "-wal>" in written_again
    assert acknowledged(said) == stored(path)


def test_while_the_disk_fails_nothing_is_acknowledged(path: Path) -> None:
    said = persevere(path, "fdatasync:error=EIO:when=10+")
    assert set(said[-30:]) == {
        f"DiskRefuses: The database {path} cannot be read or written because the disk fails:"
        " look at the kernel's log; zulip-ops tries again by itself."
    }
    assert acknowledged(said) <= stored(path)
