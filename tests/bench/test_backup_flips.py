"""The quick form of the proof that one flipped byte anywhere in a copy is noticed."""

from random import Random

import pytest

from bench.backup_flips import figures
from bench.flips.play import KINDS, Tally, play
from bench.flips.verifiers import a_blind_one, the_program
from bench.flips.world import Repository, make_repositories
from bot.demo.postgres_cluster import PostgresCluster
from handlers.errors import HostFailure, Reason
from tests.conftest import USUAL_MAJOR, Clusters

TRIES = 20


@pytest.fixture(scope="module")
def repositories(clusters: Clusters, tmp_path_factory: pytest.TempPathFactory) -> list[Repository]:
    cluster: PostgresCluster = clusters.of(USUAL_MAJOR)
    folder = tmp_path_factory.mktemp("flips")
    return make_repositories(folder, cluster, f"zulip_{folder.name.replace('-', '_')}")


def test_every_flipped_byte_is_noticed(repositories: list[Repository]) -> None:
    tally = play(repositories, TRIES, Random(2), the_program)

    assert (tally.undetected, tally.misnamed, tally.false_alarms) == ([], [], [])
    assert set(tally.tries) == set(KINDS)
    assert tally.total == TRIES


def test_a_verifier_that_opens_nothing_is_noticed(repositories: list[Repository]) -> None:
    tally = play(repositories, TRIES, Random(2), a_blind_one)

    # The commit record shows damage to whoever reads it; of the objects it sees none.
    assert len(tally.undetected) == TRIES - tally.tries["commit record"]
    assert tally.false_alarms == []


def test_a_verifier_that_calls_everything_damaged_is_noticed(
    repositories: list[Repository],
) -> None:
    def cry(_repository: Repository, snapshot: str) -> None:
        raise HostFailure(f"{snapshot} is bad.", reason=Reason.VERIFICATION_FAILED)

    tally = play(repositories, 5, Random(2), cry)

    assert tally.undetected == []
    assert len(tally.false_alarms) == 2 * 2 * len(repositories)


def test_an_undetected_flip_is_the_figure() -> None:
    tally = Tally(undetected=["one"])

    assert figures(tally, Tally(), 1.0, full=False)["undetected"].value == 1
