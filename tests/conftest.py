"""Real parts that many tests share: PostgreSQL clusters and an S3 server, one of each a run."""

import pickle
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from xdist.workermanage import WorkerController

from bot.demo.postgres_cluster import PostgresCluster, available_majors
from bot.demo.s3_server import S3Server
from handlers.host import processes
from handlers.host.settings import DatabaseSettings, StoreSettings

MAJORS = available_majors()
#: The newest that Zulip 9.2 runs on.
USUAL_MAJOR = 16

HERE = Path(__file__).parent
#: Where the tests lie that take longest, in this order; all others come after them.
LONGEST = ("acceptance/test_kills.py", "bench/", "acceptance/", "bot/")


class Clusters:
    """One running cluster for each major, made when it is first asked for."""

    def __init__(self, running: ExitStack, made: dict[int, PostgresCluster] | None = None) -> None:
        self._running = running
        self._made = made or {}

    def of(self, major: int) -> PostgresCluster:
        if major not in self._made:
            self._made[major] = self._running.enter_context(PostgresCluster(MAJORS[major]))
        return self._made[major]


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of one test run use; the process that began the run ends it."""

    clusters: dict[int, PostgresCluster]
    s3: S3Server


#: Only in the process that hands the tests out to others.
_shared = ExitStack()
_handed_out = pytest.StashKey[bytes]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that at the end no process waits long for another."""

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(HERE).as_posix()
        return next((n for n, start in enumerate(LONGEST) if path.startswith(start)), len(LONGEST))

    items.sort(key=rank)
    _in_order(items)


def _in_order(items: list[pytest.Item]) -> None:
    """Of a module that tells one story the tests come as they stand there, unshuffled."""
    for module in {item.path for item in items if item.get_closest_marker("story")}:
        places = [place for place, item in enumerate(items) if item.path == module]
        told = sorted((items[place] for place in places), key=_line)
        for place, item in zip(places, told, strict=True):
            items[place] = item


def _line(item: pytest.Item) -> int:
    return item.location[1] or 0


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tell another process of this test run where the shared parts are."""
    if _handed_out not in node.config.stash:
        clusters = Clusters(_shared)
        parts = Shared(
            {major: clusters.of(major) for major in MAJORS}, _shared.enter_context(S3Server())
        )
        node.config.stash[_handed_out] = pickle.dumps(parts)
    node.workerinput["shared"] = node.config.stash[_handed_out]


def pytest_unconfigure() -> None:
    _shared.close()


@pytest.fixture(scope="session")
def shared_parts(request: pytest.FixtureRequest) -> Shared | None:
    """None when one process runs all tests."""
    given: dict[str, bytes] = getattr(request.config, "workerinput", {})
    return pickle.loads(given["shared"]) if given else None


@pytest.fixture(scope="session")
def clusters(shared_parts: Shared | None) -> Iterator[Clusters]:
    with ExitStack() as running:
        yield Clusters(running, shared_parts.clusters if shared_parts else None)


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
def s3(shared_parts: Shared | None) -> Iterator[S3Server]:
    if shared_parts:
        yield shared_parts.s3
        return
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
