"""A bucket that fails while a copy in it is read back: one verdict, and every copy as it was."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.backups import catalogue
from handlers.backups.reading import verify_backup
from handlers.contract import Outcome
from handlers.errors import HostFailure, Reason
from handlers.host import object_store
from handlers.host.object_store import S3Store, open_store
from handlers.host.settings import StoreSettings
from tests.fakes.faulty_s3 import FaultyS3
from tests.handlers.backups.conftest import Desk

DENIED = (403, "AccessDenied")


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer fails within moments."""
    kept = dict(object_store.S3Store.__init__.__kwdefaults__ or {}, patience=(0.05, 0.05))
    monkeypatch.setattr(object_store.S3Store.__init__, "__kwdefaults__", kept)


@pytest.fixture
def faulty() -> Iterator[FaultyS3]:
    with FaultyS3() as server:
        yield server


@pytest.fixture
def bucket(desk: Desk, faulty: FaultyS3, tmp_path: Path) -> Iterator[StoreSettings]:
    """With a copy, of which the directory beside it has one too; in the end both are as before."""
    settings = faulty.store_settings("bucket", uuid.uuid4().hex, tmp_path)
    S3Store(settings).request("create_bucket")
    desk.stores = (settings, desk.store)
    desk.back_up()
    before = [everything(each) for each in desk.stores]
    yield settings
    faulty.__dict__.update(refuses={}, flips=False, cuts=0, busy=0, on_request=lambda *_: None)
    assert [everything(each) for each in desk.stores] == before


def everything(settings: StoreSettings) -> dict[str, bytes]:
    """But notes."""
    store = open_store(settings)
    keys = [each.key for below in ("objects/", "snapshots/") for each in store.entries(below)]
    return {key: store.get(key) for key in keys}


def verify(desk: Desk) -> Outcome:
    args = verify_backup.Args("12")
    return verify_backup.run(desk.context(), args, verify_backup.plan(desk.context(), args))


def when_an_object_is_read(faulty: FaultyS3, **fault: object) -> None:
    """From the first request for one on."""

    def on_request(method: str, path: str) -> None:
        if method == "GET" and "/objects/" in path:
            faulty.__dict__.update(fault)

    faulty.on_request = on_request


def failure_of(desk: Desk) -> HostFailure:
    with pytest.raises(HostFailure) as failure:
        verify(desk)
    assert "In disk it was read back whole" in failure.value.message
    return failure.value


def is_damaged(settings: StoreSettings) -> bool:
    return catalogue.list_snapshots(settings)[0].standing.is_damaged


def test_a_bucket_that_is_slow_busy_and_breaks_off_is_borne_with(
    desk: Desk, bucket: StoreSettings, faulty: FaultyS3
) -> None:
    def slow_and_once_busy(method: str, path: str) -> None:
        time.sleep(0.02)
        if method == "GET" and "/objects/" in path:
            faulty.busy, faulty.on_request = 1, lambda *_: time.sleep(0.02)

    faulty.cuts, faulty.on_request = 3, slow_and_once_busy

    assert "In bucket it was read back whole" in verify(desk).sentence
    assert (faulty.cuts, faulty.busy) == (0, 0)


def test_a_bucket_that_stays_busy_has_failed_and_is_not_damaged(
    desk: Desk, bucket: StoreSettings, faulty: FaultyS3
) -> None:
    when_an_object_is_read(faulty, busy=10_000)

    failure = failure_of(desk)

    assert failure.reason is Reason.STORE_FAILED
    assert "In bucket it could NOT be read. Store bucket: " in failure.message
    assert "503 SlowDown" in failure.message
    faulty.busy, faulty.on_request = 0, lambda *_: None
    assert not is_damaged(bucket)


def test_credentials_that_are_revoked_half_way_are_no_damage(
    desk: Desk, bucket: StoreSettings, faulty: FaultyS3
) -> None:
    when_an_object_is_read(faulty, refuses={"GET": DENIED, "HEAD": DENIED, "PUT": DENIED})

    failure = failure_of(desk)

    assert failure.reason is Reason.STORE_FAILED
    assert "In bucket it could NOT be read. Store bucket: " in failure.message
    assert "credentials_file" in str(failure.hint)
    faulty.refuses, faulty.on_request = {}, lambda *_: None
    assert not is_damaged(bucket)


def test_a_bucket_that_is_gone_half_way_is_no_damage(
    desk: Desk, bucket: StoreSettings, faulty: FaultyS3
) -> None:
    gone = dict.fromkeys(("GET", "HEAD", "PUT"), (404, "NoSuchBucket"))
    when_an_object_is_read(faulty, refuses=gone)

    failure = failure_of(desk)

    assert failure.reason is Reason.STORE_FAILED
    assert "is no longer there" in failure.message
    faulty.refuses, faulty.on_request = {}, lambda *_: None
    assert not is_damaged(bucket)


def test_a_clock_that_the_bucket_does_not_take_is_named(
    desk: Desk, bucket: StoreSettings, faulty: FaultyS3
) -> None:
    skewed = dict.fromkeys(("GET", "HEAD", "PUT"), (403, "RequestTimeTooSkewed"))
    when_an_object_is_read(faulty, refuses=skewed)

    failure = failure_of(desk)

    assert "403 RequestTimeTooSkewed" in failure.message
    assert "Set the clock of this host" in str(failure.hint)


def test_a_bucket_that_sends_other_bytes_is_believed_again_when_it_sends_the_right_ones(
    desk: Desk, bucket: StoreSettings, faulty: FaultyS3
) -> None:
    faulty.flips = True

    failure = failure_of(desk)

    assert failure.reason is Reason.VERIFICATION_FAILED
    assert "is damaged in bucket. In bucket it is DAMAGED." in failure.message
    faulty.flips = False
    assert is_damaged(bucket)
    assert "In bucket it was read back whole" in verify(desk).sentence
    assert not is_damaged(bucket)
