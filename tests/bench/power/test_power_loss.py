"""What was acknowledged is there after a power failure, and a program that hurries is caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.power.calls import STRACE
from bench.power.recording import BOT, HASTY_BOT, Shared, Talk, record
from bench.power.replay import Findings, replay
from bot.demo.s3_server import S3Server
from tests.conftest import USUAL_MAJOR, Clusters

RUNNER = Path(__file__).with_name("runner.py")

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace, which records the writes, is not installed"
)


@pytest.fixture
def shared(clusters: Clusters, s3: S3Server) -> Shared:
    return Shared(clusters.of(USUAL_MAJOR), s3)


def found(folder: Path, talk: Talk, bot: tuple[str, ...], shared: Shared, images: int) -> Findings:
    folder.mkdir()
    return replay(folder, record(folder, talk, bot, shared), images, seed=1)


def test_nothing_that_the_bot_or_a_run_acknowledged_is_lost(tmp_path: Path, shared: Shared) -> None:
    findings = found(tmp_path / "stage", Talk(2, 1, 8), BOT, shared, images=160)
    assert (findings.sentences, findings.images) == ([], 160)


def test_a_database_that_does_not_wait_for_the_disk_is_caught(
    tmp_path: Path, shared: Shared
) -> None:
    assert (
        found(tmp_path / "hasty", Talk(1, 1, 8, backs_up=False), HASTY_BOT, shared, images=40).lost
        > 0
    )


@pytest.mark.parametrize(("mode", "is_safe"), [("durably", True), ("in a hurry", False)])
def test_a_result_that_is_not_synced_is_caught(tmp_path: Path, mode: str, is_safe: bool) -> None:
    root, trace = tmp_path / "root", tmp_path / "trace"
    root.mkdir()
    tracer = [each for each in STRACE if each != "-D"]
    runner = (sys.executable, "-I", str(RUNNER), str(root / "state"), mode)
    subprocess.run((*tracer, "-o", str(trace), *runner), check=True)
    findings = replay(root, [trace], images=80, seed=1)
    assert (findings.lost + findings.corrupt == 0) is is_safe
