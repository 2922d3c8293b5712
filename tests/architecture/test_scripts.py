"""The scripts in bin/ can be started, and a second start costs nothing."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
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


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose environment was finished, as far as its stamp tells."""
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "bin" / "environment", tmp_path / "bin")
    inputs = (ROOT / "requirements.lock", ROOT / "pyproject.toml")
    for path in inputs:
        shutil.copy(path, tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    interpreter = Path(sys.executable).resolve()
    (tmp_path / ".venv" / ".stamp").write_text(f"{digest} {interpreter} {tmp_path.resolve()}\n")
    return tmp_path


def test_a_second_start_takes_no_time_and_says_nothing(checkout: Path) -> None:
    link = checkout / "anywhere"
    link.symlink_to(checkout / "bin" / "environment")
    result = subprocess.run(
        (link,),
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=2,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_python_that_is_too_old_is_named_in_one_sentence(checkout: Path) -> None:
    (checkout / ".venv" / ".stamp").unlink()
    programs = checkout / "programs"
    programs.mkdir()
    for name in ("bash", "cat", "env", "flock", "readlink", "sha256sum"):
        (programs / name).symlink_to(str(shutil.which(name)))
    result = subprocess.run(
        (checkout / "bin" / "environment",),
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 75
    last = result.stderr.splitlines()[-1]
    assert last.startswith("zulip-ops: No Python 3.11 or newer was found")


def test_an_unknown_measurement_is_answered_with_the_known_ones() -> None:
    result = subprocess.run(
        (ROOT / "bin" / "bench", "nonsense"), capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "where NAME is one of:" in result.stderr
