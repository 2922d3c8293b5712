"""`backup verify` of a copy in a real bucket, behind a line that can be cut."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.s3_server import S3Server
from handlers.backups import repository
from handlers.backups.reading import verify_backup
from handlers.errors import HostFailure, Reason
from handlers.host import object_store
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from tests.fakes.tcp_line import TcpLine
from tests.handlers.backups.conftest import Desk
from tests.handlers.backups.reading.test_verify_backup import plan, standing, verify


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer fails within moments."""
    kept = dict(object_store.S3Store.__init__.__kwdefaults__ or {}, patience=(0.1,))
    monkeypatch.setattr(object_store.S3Store.__init__, "__kwdefaults__", kept)


@pytest.fixture
def line(s3: S3Server) -> Iterator[TcpLine]:
    host, _, port = s3.endpoint.removeprefix("http://").partition(":")
    with TcpLine(host, int(port)) as line:
        yield line


@pytest.fixture
def far(desk: Desk, s3_store_settings: StoreSettings, line: TcpLine) -> StoreSettings:
    """A bucket behind a line that can be cut, with a copy of which the disk has one too."""
    (desk.host.layout.uploads / "large.bin").write_bytes(os.urandom(3_000_000))
    far = replace(s3_store_settings, endpoint=f"http://127.0.0.1:{line.port}")
    desk.stores = (desk.store, far)
    desk.back_up()
    return far


def when_reading_far(desk: Desk, act: Callable[[], object]) -> None:
    def on_step(title: str) -> None:
        if title.startswith("Read the copy in store bucket"):
            act()

    desk.journal.on_step = on_step


def test_a_download_that_breaks_off_is_taken_up_again(
    desk: Desk, far: StoreSettings, line: TcpLine
) -> None:
    when_reading_far(desk, lambda: line.break_answer_after(1_000_000))

    assert "In bucket it was read back whole" in verify(desk, "12").sentence


def test_a_line_that_is_cut_is_one_verdict_and_no_damage(
    desk: Desk, far: StoreSettings, s3_store_settings: StoreSettings, line: TcpLine
) -> None:
    asked = plan(desk, "12")
    when_reading_far(desk, line.cut)

    with pytest.raises(HostFailure) as failure:
        verify_backup.run(desk.context(), verify_backup.Args("12"), asked)

    assert failure.value.reason is Reason.STORE_FAILED
    assert "In bucket it could NOT be read. Store bucket: " in failure.value.message
    assert "In disk it was read back whole" in failure.value.message
    assert not standing(s3_store_settings).is_damaged
    assert standing(s3_store_settings).is_verified


def test_revoked_credentials_are_one_verdict_and_no_damage(
    desk: Desk, far: StoreSettings, s3_store_settings: StoreSettings, tmp_path: Path
) -> None:
    revoked = tmp_path / "credentials"
    revoked.write_text("revoked\nrevoked\n")
    desk.stores = (desk.store, replace(far, credentials_file=revoked))

    with pytest.raises(HostFailure, match=r"In bucket it could NOT be read.*403") as failure:
        verify(desk, "12")

    assert "credentials_file" in str(failure.value.hint)
    assert standing(s3_store_settings).is_verified


def test_a_flipped_byte_in_a_bucket_is_noted_there(
    desk: Desk, far: StoreSettings, s3_store_settings: StoreSettings
) -> None:
    store = open_store(s3_store_settings)
    snapshot = repository.snapshot_ids(store)[0]
    key = f"objects/{snapshot}/configuration-000001"
    data = bytearray(store.get(key))
    data[10] ^= 1
    store.delete(key)
    store.put(key, data)

    with pytest.raises(HostFailure, match=f"Store bucket: {key} cannot be decompressed"):
        verify(desk, "12")

    assert standing(s3_store_settings).is_damaged
    assert not standing(desk.store).is_damaged
