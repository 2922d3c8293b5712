"""A stage as the measurements set one up, on the database server that all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.killing.killer import Killer, killer
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from tests.conftest import USUAL_MAJOR, Clusters


@pytest.fixture
def loaded(clusters: Clusters, s3: S3Server, tmp_path: Path) -> Iterator[Stage]:
    """Ten commands a minute and person, as on a server."""
    folder = tmp_path / "load"
    folder.mkdir()
    wish = Wish(extent=Extent(messages=20, uploads=2), commands_a_minute=10)
    cluster = clusters.of(USUAL_MAJOR)
    with Stage.set_up(folder, wish, cluster=cluster, s3=s3) as stage:
        yield stage
        assert stage.host.database is not None
        cluster.drop_database(stage.host.database.name)


@pytest.fixture(scope="module")
def deadly(
    clusters: Clusters, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Killer]:
    """Has bots die, on a stage that all tests of a module share."""
    with killer(tmp_path_factory.mktemp("judge"), clusters.of(USUAL_MAJOR), s3) as one:
        yield one
