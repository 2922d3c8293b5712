"""Real parts that many tests share: PostgreSQL clusters and an S3 server, one of each a run."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster, available_majors
from bot.demo.s3_server import S3Server
from handlers.host import processes
from handlers.host.settings import DatabaseSettings, StoreSettings

MAJORS = available_majors()
#: The newest that Zulip 9.2 runs on.
USUAL_MAJOR = 16


class Clusters:
    """One running cluster for each major, made when it is first asked for."""

    def __init__(self, running: ExitStack) -> None:
        self._running = running
        self._made: dict[int, PostgresCluster] = {}

    def of(self, major: int) -> PostgresCluster:
        if major not in self._made:
            self._made[major] = self._running.enter_context(PostgresCluster(MAJORS[major]))
        return self._made[major]


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    with ExitStack() as running:
        yield Clusters(running)


@pytest.fixture
def cluster(clusters: Clusters) -> PostgresCluster:
    """The cluster for tests to which the major does not matter."""
    return clusters.of(USUAL_MAJOR)


@pytest.fixture(params=MAJORS)
def each_cluster(request: pytest.FixtureRequest, clusters: Clusters) -> PostgresCluster:
    """Runs the test once with every major that is at hand."""
    return clusters.of(request.param)


@pytest.fixture
def own_cluster() -> Iterator[PostgresCluster]:
    """A cluster that the test may stop and kill."""
    with PostgresCluster(MAJORS[USUAL_MAJOR]) as cluster:
        yield cluster


@pytest.fixture
def database(cluster: PostgresCluster) -> Iterator[DatabaseSettings]:
    """A fresh, empty database of the role `zulip`."""
    name = f"zulip_{uuid.uuid4().hex[:12]}"
    yield cluster.create_database(name)
    cluster.drop_database(name)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def s3_store_settings(s3: S3Server) -> StoreSettings:
    """A store of its own in the shared bucket, below a fresh prefix."""
    return s3.store_settings("bucket", prefix=uuid.uuid4().hex)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB; only root can mount one."""
    place, limit = tmp_path / "small-disk", timedelta(seconds=20)
    place.mkdir()
    processes.run(("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)), timeout=limit)
    yield place
    processes.run(("umount", str(place)), timeout=limit)
