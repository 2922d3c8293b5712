"""The scripts in bin/ can be started, and a second start costs nothing."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

NAMES = ("bench", "check", "demo", "environment", "lock", "test")
SCRIPTS = (*(ROOT / "bin" / name for name in NAMES), ROOT / ".ci" / "run")

scripts = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)


def test_these_are_all_the_scripts() -> None:
    found = {path.name for path in (ROOT / "bin").iterdir() if not path.suffix}
    assert found == set(NAMES)


@scripts
def test_script_can_be_started(script: Path) -> None:
    assert script.stat().st_mode & stat.S_IXUSR
    assert script.read_text().startswith("#!/usr/bin/env bash\n")


@scripts
def test_script_is_sound_to_bash(script: Path) -> None:
    result = subprocess.run(("bash", "-n", script), capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(
    not (ROOT / ".venv" / ".stamp").exists(), reason="the tests do not run from bin/test's .venv"
)
def test_a_second_start_takes_no_time_and_says_nothing(tmp_path: Path) -> None:
    link = tmp_path / "anywhere"
    link.symlink_to(ROOT / "bin" / "environment")
    result = subprocess.run(
        (link,),
        cwd=tmp_path,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=2,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_an_unknown_measurement_is_answered_with_the_known_ones() -> None:
    result = subprocess.run(
        (ROOT / "bin" / "bench", "nonsense"), capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "where NAME is one of:" in result.stderr
