"""Every file system is looked at once, and the fullest is named first."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.sample_host.host import SampleHost
from handlers.checks.contract import Context, Finding, Level
from handlers.checks.disks import FileSystem, observe
from handlers.contract import JSON
from handlers.errors import HostFailure
from tests.handlers.checks.small_disk import needs_mount, small_disk

MIB = 2**20


@pytest.fixture
def srv(host: SampleHost) -> Iterator[Path]:
    with small_disk(host.root / "srv", 8 * MIB) as path:
        yield path


def systems(finding: Finding) -> list[dict[str, JSON]]:
    found = finding.values["file_systems"]
    assert isinstance(found, list)
    return [each for each in found if isinstance(each, dict)]


def test_all_paths_on_one_file_system_are_one_entry(context: Context) -> None:
    (system,) = systems(observe(context))
    figures = os.statvfs(context.state_directory)
    assert system["path"] == "/"
    assert system["total"] == figures.f_blocks * figures.f_frsize
    assert isinstance(system["paths"], list)
    assert {"/home", "/var/log", "/home/zulip/uploads"} <= set(system["paths"])
    assert str(context.state_directory) in system["paths"]


def test_a_place_that_is_missing_is_left_out(context: Context, host: SampleHost) -> None:
    shutil.rmtree(host.layout.uploads)
    (system,) = systems(observe(context))
    assert isinstance(system["paths"], list)
    assert "/home/zulip/uploads" not in system["paths"]


@needs_mount
@pytest.mark.parametrize(
    ("filled", "level"), [(0.5, Level.OK), (0.9, Level.WARNING), (0.97, Level.CRITICAL)]
)
def test_a_file_system_that_fills_up_is_told(
    context: Context, host: SampleHost, srv: Path, filled: float, level: Level
) -> None:
    host.fill("/srv/big", int(8 * MIB * filled))
    finding = observe(context)
    (small,) = [each for each in systems(finding) if each["path"] == "/srv"]
    assert small["total"] == 8 * MIB
    assert small["used_percent"] == pytest.approx(100 * filled, abs=1)
    assert f"/srv is {100 * filled:.0f} % full" in finding.sentence
    if level is not Level.OK:
        assert finding.level is level
        assert finding.hint


@needs_mount
def test_inodes_run_out_before_room_does(context: Context, host: SampleHost) -> None:
    with small_disk(host.root / "srv", 8 * MIB, inodes=20) as srv:
        for number in range(19):
            (srv / str(number)).touch()
        finding = observe(context)
        assert finding.level is Level.CRITICAL
        assert "100 % of the inodes of /srv are used" in finding.sentence


@pytest.mark.parametrize(
    ("used", "inodes", "level"),
    [
        (84.9, None, Level.OK),
        (85.0, 10.0, Level.WARNING),
        (10.0, 85.0, Level.WARNING),
        (95.0, None, Level.CRITICAL),
        (10.0, 95.0, Level.CRITICAL),
    ],
)
def test_the_fuller_of_room_and_inodes_decides(
    used: float, inodes: float | None, level: Level
) -> None:
    assert FileSystem(("/",), 100, 0, 0, used, inodes).level is level


def test_a_root_that_is_not_there_is_a_failure(context: Context, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    nowhere = replace(context, host=replace(context.host, root=gone), state_directory=gone)
    with pytest.raises(HostFailure, match="None of the host's paths exist"):
        observe(nowhere)
