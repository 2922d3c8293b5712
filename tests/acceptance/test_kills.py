"""The bot and its runs die at every named place of the life of a command."""

from datetime import timedelta
from pathlib import Path

import pytest

from bench.killing.cycles import each_point_once
from bench.killing.findings import Findings
from bench.killing.killer import killer
from bench.killing.restarts import ending
from bench.kills import all_of
from bot.demo.s3_server import S3Server
from jobs.runs.crashpoints import POINTS
from tests.conftest import USUAL_MAJOR, Clusters


@pytest.fixture(scope="module")
def found() -> Findings:
    return all_of(each_point_once())


@pytest.mark.timeout(400)
def test_wherever_it_dies_nothing_is_lost_and_nothing_done_or_told_twice(found: Findings) -> None:
    assert found.wrong == []
    assert (found.lost, found.double_effects, found.double_messages) == (0, 0, 0)
    assert found.integrity_ok


@pytest.mark.timeout(400)
def test_the_life_of_a_command_passes_every_named_place(found: Findings) -> None:
    assert found.points == set(POINTS)
    assert found.kills >= len(POINTS)
    assert found.cycles == len(each_point_once())


def test_a_bot_that_is_killed_three_times_during_one_run_tells_the_same_end(
    tmp_path: Path, clusters: Clusters, s3: S3Server
) -> None:
    with killer(tmp_path, clusters.of(USUAL_MAJOR), s3) as one:
        undisturbed = ending(one, 0, timedelta(0))
        disturbed = ending(one, 3, timedelta(seconds=6))
    assert disturbed == undisturbed
    assert (disturbed.status, disturbed.effects, disturbed.final_messages) == ("succeeded", 1, 1)
