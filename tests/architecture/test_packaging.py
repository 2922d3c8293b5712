"""What is installed is what lies in the four folders, and nothing of this machine goes along."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, committed_files, git

#: Where packages come from is the machine's business; said in halves so that this file passes too.
REGISTRIES = tuple(
    name + end
    for name, end in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("crates", ".io"),
        ("ruby", "gems.org"),
        ("yarnpkg", ".com"),
        ("proxy.golang", ".org"),
        ("anaconda", ".org"),
        ("arti", "factory"),
    )
)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder),
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_four_packages_and_nothing_else(packed: set[str]) -> None:
    ours = {name for name in packed if ".dist-info/" not in name}
    there = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours == there


def test_the_wheel_brings_the_migrations_and_the_page_of_the_demo(packed: set[str]) -> None:
    assert any(re.fullmatch(r"state/migrations/.*\d.*\.py", name) for name in packed)
    assert any(re.fullmatch(r"bot/demo/.*\.html", name) for name in packed)


def test_the_wheel_has_the_command(packed: set[str], tmp_path: Path) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in packed)


@pytest.mark.parametrize("package", PACKAGES)
def test_git_ignores_nothing_of_a_package(package: str) -> None:
    ignored = git("check-ignore", f"{package}/__init__.py", f"{package}/new_module.py")
    assert ignored.returncode == 1, f"{package}/ would be left out of the wheel: see .gitignore"


def test_every_locked_version_has_a_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [line for line in lock.splitlines() if line.strip()]
    assert len(lines) > 20
    for line in lines:
        assert re.match(r"[a-z0-9.-]+==[^ ]+ ", line), f"not a pinned version: {line[:80]}"
        assert "--hash=sha256:" in line, f"no hash: {line[:80]}"


@pytest.mark.parametrize("name", ["requirements.lock", "bin/uv.requirements"])
def test_a_lock_carries_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "-index" not in text


def test_no_committed_file_names_a_package_registry() -> None:
    found = []
    for path in committed_files():
        content = path.read_bytes().lower()
        found += [f"{path.name}: {name}" for name in REGISTRIES if name.encode() in content]
    assert not found
