"""One stage and one bot for each module of conversations."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.cast import Cast
from bot.sending.pacing import Allowance
from tests.acceptance.conversation import Conversation
from tests.conftest import USUAL_MAJOR, Clusters

#: As little as shows everything.
SMALL = Extent(messages=200, uploads=20, median_upload_bytes=2048)


@pytest.fixture(scope="module")
def wish() -> Wish:
    """What the module's stage holds; a module may have a fixture of its own."""
    return Wish(extent=SMALL)


@pytest.fixture(scope="module")
def stores() -> tuple[str, ...]:
    """The stores in use; a module that is about them has more."""
    return ("local",)


@pytest.fixture(scope="module")
def stage(
    wish: Wish,
    stores: tuple[str, ...],
    clusters: Clusters,
    s3: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    with small_stage(wish, stores, clusters, s3, tmp_path_factory.mktemp("talk")) as made:
        yield made


@contextmanager
def small_stage(
    wish: Wish, stores: tuple[str, ...], clusters: Clusters, s3: S3Server, folder: Path
) -> Iterator[Stage]:
    """With only these of its stores, and without the server's limit on calls."""
    cluster = clusters.of(USUAL_MAJOR)
    with Stage.set_up(folder, wish, cluster=cluster, s3=s3) as made:
        made.zulip.set_rate_limit(100_000)
        made.stores = tuple(store for store in made.stores if store.name in stores)
        made.write_configuration(wish)
        yield made
        assert made.host.database is not None
        cluster.drop_database(made.host.database.name)


@pytest.fixture(scope="module", autouse=True)
def talkative() -> Iterator[None]:
    """The bot may send more in a minute than a real server allows: tests talk a lot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Allowance.__init__, "__defaults__", (100_000, time.monotonic))
        yield


@pytest.fixture(scope="module")
def talk(stage: Stage) -> Iterator[Conversation]:
    """The bot is there, connected, and has looked at the host once."""
    with closing(Conversation(stage)) as conversation:
        conversation.start_bot()
        yield conversation


@pytest.fixture
def cast(stage: Stage) -> Cast:
    return stage.cast
