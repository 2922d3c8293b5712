"""A backup when its surroundings fail: what is told, and that earlier copies stay as they are."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from bot.demo.stage import Stage, Wish
from bot.demo.zulip.cast import Cast
from handlers.backups import catalogue
from handlers.host.settings import StoreSettings
from tests.acceptance.conversation import CHECK, CROSS, Conversation
from tests.conftest import Clusters
from tests.fakes.tcp_line import TcpLine
from tests.handlers.checks.small_disk import needs_mount, small_disk

MIB = 2**20


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    """Not those that all tests share: PostgreSQL is stopped here."""
    with ExitStack() as running:
        yield Clusters(running)


@pytest.fixture(scope="module")
def disk(stage: Stage) -> Path:
    """Where a test may mount a small file system that is a store."""
    return stage.folder / "disk"


@pytest.fixture(scope="module")
def talk(stage: Stage, wish: Wish, s3: S3Server, disk: Path) -> Iterator[Conversation]:
    """With a bucket that answers nobody, and a store on a small disk."""
    bucket = s3.store_settings("far", prefix=stage.folder.name)
    with TcpLine("127.0.0.1", 9) as line:
        nobody = f"http://127.0.0.1:{line.port}"
        line.cut()
    stage.stores = (
        *stage.stores,
        replace(bucket, endpoint=nobody),
        StoreSettings(name="small", path=disk / "copies"),
    )
    stage.write_configuration(wish)
    with closing(Conversation(stage)) as conversation:
        conversation.start_bot()
        yield conversation


def copies(talk: Conversation) -> set[str]:
    """What lies verified in the local store."""
    found = catalogue.list_snapshots(talk.stage.stores[0])
    return {one.id for one in found if one.standing.verified_at is not None}


@contextmanager
def stopped_postgresql(talk: Conversation) -> Iterator[None]:
    assert talk.stage.host.database is not None
    cluster = talk.stage.host.database.cluster
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


def test_a_store_that_is_down_is_told_loudly_and_the_others_succeed(
    talk: Conversation, cast: Cast
) -> None:
    asked = talk.ask(cast.iago, "backup now --yes")
    job = talk.reached(talk.job_for(asked).id, "succeeded")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CHECK)

    assert "is stored in local and small, and was read back whole" in end.content
    assert "There is NO verified copy in far. " in end.content


def test_a_backup_to_a_store_that_is_down_fails_in_its_plan(talk: Conversation, cast: Cast) -> None:
    before = copies(talk)
    asked = talk.ask(cast.iago, "backup now --to far")
    job = talk.reached(talk.job_for(asked).id, "failed")
    end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CROSS)

    assert job.reason == "preflight_failed"
    assert "No store can take a copy." in end.content
    assert "far" in end.content
    assert_helps(end.content)
    assert copies(talk) == before


def test_postgresql_is_down_when_it_is_asked_for(talk: Conversation, cast: Cast) -> None:
    with stopped_postgresql(talk):
        asked = talk.ask(cast.iago, "backup now --yes --to local")
        job = talk.reached(talk.job_for(asked).id, "failed")
        end = talk.end_of(job.id)
    talk.wait_for_marks(asked, CROSS)

    assert job.reason == "preflight_failed"
    assert "PostgreSQL" in end.content
    assert_helps(end.content)
    assert not end.topic.startswith("✔")


def test_postgresql_goes_down_while_the_plan_waits(talk: Conversation, cast: Cast) -> None:
    before = copies(talk)
    asked = talk.ask(cast.iago, "backup now --to local")
    job = talk.job_for(asked)
    card = talk.card(job.id)
    with stopped_postgresql(talk):
        talk.react(cast.iago, card.id)
        ended = talk.reached(job.id, "failed", "stale")
        end = talk.end_of(job.id)

    assert ended.reason == "preflight_failed"
    assert "PostgreSQL" in end.content
    assert "Nothing was changed." in end.content
    assert copies(talk) == before


def test_postgresql_goes_down_in_the_middle(talk: Conversation, cast: Cast) -> None:
    before = copies(talk)
    assert talk.stage.host.database is not None
    cluster = talk.stage.host.database.cluster
    with talk.backup_held():
        job = talk.job_for(talk.ask(cast.iago, "backup now --yes --to local"))
        talk.wait_until_held()
        cluster.kill()
        cluster.start()
    failed = talk.reached(job.id, "failed")
    end = talk.end_of(job.id)

    assert failed.reason == "tool_failed"
    assert "pg_dump" in end.content
    assert "spoiler" in end.content
    assert "It ended during “Copy database, uploads and configuration”" in end.content
    assert copies(talk) == before
    again = talk.job_for(talk.ask(cast.iago, "backup now --yes --to local"))
    talk.reached(again.id, "succeeded")
    talk.end_of(again.id)


@needs_mount
def test_a_disk_that_is_too_small_fails_the_plan(
    talk: Conversation, cast: Cast, disk: Path
) -> None:
    with small_disk(disk, MIB):
        job = talk.job_for(talk.ask(cast.iago, "backup now --to small"))
        failed = talk.reached(job.id, "failed")
        end = talk.end_of(job.id)
    assert failed.reason == "preflight_failed"
    assert "Store small has 1.0 MB free and may need " in end.content
    assert_helps(end.content)


@needs_mount
def test_a_disk_that_fills_up_in_the_middle(talk: Conversation, cast: Cast, disk: Path) -> None:
    with small_disk(disk, 16 * MIB):
        with talk.backup_held():
            job = talk.job_for(talk.ask(cast.iago, "backup now --yes --to small"))
            talk.wait_until_held()
            filling = disk / "filling"
            fill(filling)
        failed = talk.reached(job.id, "failed")
        end = talk.end_of(job.id)
        filling.unlink()
        store = next(store for store in talk.stage.stores if store.name == "small")
        kept = catalogue.list_snapshots(store)
        again = talk.job_for(talk.ask(cast.iago, "backup now --yes --to small"))
        talk.reached(again.id, "succeeded")
        talk.end_of(again.id)

    assert failed.reason == "disk_full"
    assert f"the disk below {disk / 'copies'} is full" in end.content
    assert "Make room there" in end.content
    assert kept == ()


@needs_mount
def test_a_disk_that_fills_up_after_the_plan_fails_the_preflight(
    talk: Conversation, cast: Cast, disk: Path
) -> None:
    with small_disk(disk, 16 * MIB):
        job = talk.job_for(talk.ask(cast.iago, "backup now --to small"))
        card = talk.card(job.id)
        (disk / "filling").write_bytes(bytes(15 * MIB))
        talk.react(cast.iago, card.id)
        failed = talk.reached(job.id, "failed")
        end = talk.end_of(job.id)
    assert failed.reason == "preflight_failed"
    assert "Nothing was changed." in end.content
    assert "Store small has " in end.content


def fill(file: Path) -> None:
    """To the last byte of its file system."""
    with suppress(OSError), file.open("wb", buffering=0) as open_file:
        while True:
            open_file.write(bytes(MIB // 16))


def assert_helps(told: str) -> None:
    """The four lines of an error: what, why, what state the server is in, what to type next."""
    assert "Nothing was changed." in told
    assert "Next: `@ops " in told
