"""What breaks in the middle of a backup, and that nothing is left of it but earlier copies."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.s3_server import S3Server
from handlers.backups import catalogue, streams, tar_stream
from handlers.errors import Cancelled, HostFailure, Reason
from handlers.host import object_store, processes
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from tests.fakes.tcp_line import TcpLine
from tests.handlers.backups.conftest import Desk, Journal, TickingClock

MEBIBYTE = 1024 * 1024
COPY = "Copy database, uploads and configuration"


@pytest.fixture(autouse=True)
def small_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of a quarter of a mebibyte, so that small copies have many."""
    monkeypatch.setattr(streams, "OBJECT_BYTES", MEBIBYTE // 4)


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer fails within moments."""
    monkeypatch.setattr(object_store.S3Store.__init__, "__kwdefaults__", {"patience": (0.1,)})


@pytest.fixture
def line(s3: S3Server) -> Iterator[TcpLine]:
    host, _, port = s3.endpoint.removeprefix("http://").partition(":")
    with TcpLine(host, int(port)) as line:
        yield line


def everything_below(directory: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(directory)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in directory.rglob("*")
        if path.is_file()
    }


def put_large_upload(desk: Desk, mebibytes: int) -> Path:
    path = desk.host.layout.uploads / "files" / "large.bin"
    path.write_bytes(os.urandom(mebibytes * MEBIBYTE))
    return path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_disk_that_fills_up_in_the_middle(desk: Desk, small_disk: Path) -> None:
    store = StoreSettings(name="small", path=small_disk / "copies")
    desk.back_up(store)
    before = everything_below(small_disk)
    put_large_upload(desk, 8)

    with pytest.raises(HostFailure) as failure:
        desk.back_up(store)

    assert failure.value.reason is Reason.DISK_FULL
    assert "Store small: the disk below" in failure.value.message
    assert everything_below(small_disk) == before
    assert len(catalogue.list_snapshots(store)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_does_not_stop_the_other_store(desk: Desk, small_disk: Path) -> None:
    small = StoreSettings(name="small", path=small_disk / "copies")
    put_large_upload(desk, 8)

    outcome = desk.back_up(small, desk.store)

    assert "is stored in disk, and was read back whole." in outcome.sentence
    assert "There is NO verified copy in small. Store small: the disk" in outcome.sentence
    assert catalogue.list_snapshots(small) == ()
    assert list((small_disk / "copies").rglob("objects/*/*")) == []
    assert catalogue.list_snapshots(desk.store)[0].standing.verified_at is not None


def test_a_bucket_that_is_gone_in_the_middle_of_an_upload(
    desk: Desk, s3_store_settings: StoreSettings, line: TcpLine
) -> None:
    far = replace(s3_store_settings, endpoint=f"http://127.0.0.1:{line.port}")
    desk.back_up(far)
    put_large_upload(desk, 8)
    desk.journal.on_step = lambda title: line.cut_after(3 * MEBIBYTE) if title == COPY else None

    with pytest.raises(HostFailure) as failure:
        desk.back_up(far)

    assert failure.value.reason is Reason.STORE_FAILED
    assert "Store bucket" in failure.value.message
    [earlier] = catalogue.list_snapshots(s3_store_settings)
    assert earlier.standing.verified_at is not None


def test_a_bucket_that_is_gone_does_not_stop_the_directory(
    desk: Desk, s3_store_settings: StoreSettings, line: TcpLine
) -> None:
    far = replace(s3_store_settings, endpoint=f"http://127.0.0.1:{line.port}")
    put_large_upload(desk, 8)
    desk.journal.on_step = lambda title: line.cut_after(3 * MEBIBYTE) if title == COPY else None

    outcome = desk.back_up(desk.store, far)

    assert "There is NO verified copy in bucket. " in outcome.sentence
    assert catalogue.list_snapshots(s3_store_settings) == ()
    assert catalogue.list_snapshots(desk.store)[0].standing.verified_at is not None


def test_a_bucket_that_cannot_be_reached_at_all_is_only_one_verdict(
    desk: Desk, s3_store_settings: StoreSettings, line: TcpLine
) -> None:
    far = replace(s3_store_settings, endpoint=f"http://127.0.0.1:{line.port}")
    line.cut()

    outcome = desk.back_up(far, desk.store)

    assert "is stored in disk, and was read back whole." in outcome.sentence
    assert "There is NO verified copy in bucket. " in outcome.sentence


def test_postgresql_killed_in_the_middle_of_the_dump(
    make_desk: object, own_cluster: PostgresCluster
) -> None:
    assert callable(make_desk)
    desk: Desk = make_desk(own_cluster)
    desk.back_up()
    before = everything_below(desk.directory)
    desk.host.grow_database(60_000)
    killed: list[int] = []

    def kill(done: int) -> None:
        if done > MEBIBYTE and not killed:
            killed.append(done)
            own_cluster.kill()

    desk.journal.on_progress = kill

    with pytest.raises(HostFailure) as failure:
        desk.back_up()

    assert killed
    assert failure.value.reason is Reason.TOOL_FAILED
    assert "pg_dump" in failure.value.message
    assert everything_below(desk.directory) == before
    assert [path.name for path in (desk.directory / "objects").iterdir()] == [
        catalogue.list_snapshots(desk.store)[0].id
    ]


def test_a_cancelled_backup_leaves_no_process_and_no_object(desk: Desk) -> None:
    desk.host.grow_database(60_000)

    def cancel(done: int) -> None:
        if done > MEBIBYTE:
            raise Cancelled

    desk.journal.on_progress = cancel

    with pytest.raises(Cancelled):
        desk.back_up()

    assert list((desk.directory / "objects").glob("*")) == []
    assert catalogue.list_snapshots(desk.store) == ()
    assert own_children() == []


def test_a_backup_cancelled_while_it_is_read_back_stays_stored(desk: Desk) -> None:
    def cancel(title: str) -> None:
        if title.startswith("Read the copy"):
            desk.journal.on_progress = _cancel

    desk.journal.on_step = cancel
    with pytest.raises(Cancelled):
        desk.back_up()

    [found] = catalogue.list_snapshots(desk.store)
    assert found.standing.verified_at is None
    assert own_children() == []


def test_a_file_that_vanishes_before_it_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = desk.host.layout.uploads / "files" / "a-vanishing.png"
    victim.write_bytes(b"soon gone")
    _before_copying(monkeypatch, "a-vanishing.png", victim.unlink)

    snapshot = str(desk.back_up().facts["snapshot"])

    record = catalogue.snapshot(desk.store, snapshot)
    assert record.uploads.files == 76
    assert any("vanished before it could be read: 'files/a-van" in each for each in record.left_out)


def test_a_file_that_changes_while_it_is_read_is_named_and_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = desk.host.layout.uploads / "files" / "a-growing.log"
    victim.write_bytes(b"x" * 1000)
    _before_copying(monkeypatch, "a-growing.log", lambda: victim.write_bytes(b"y" * 2000) and None)

    first = str(desk.back_up().facts["snapshot"])
    monkeypatch.undo()
    second = str(desk.back_up().facts["snapshot"])

    left_out = catalogue.snapshot(desk.store, first).left_out
    assert any("written to while it was read: 'files/a-growing.log'" in each for each in left_out)
    assert catalogue.snapshot(desk.store, second).uploads.new_files == 1


def test_a_file_that_is_cut_while_it_is_read_is_filled_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = put_large_upload(desk, 3)
    read = os.read

    def cut_and_read(descriptor: int, size: int) -> bytes:
        if victim.stat().st_size == os.fstat(descriptor).st_size > 2 * MEBIBYTE:
            os.truncate(victim, MEBIBYTE)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", cut_and_read)
    snapshot = str(desk.back_up().facts["snapshot"])

    record = catalogue.snapshot(desk.store, snapshot)
    assert record.uploads.new_bytes > 3 * MEBIBYTE
    assert any("written to while it was read: 'files/large" in each for each in record.left_out)


def test_two_backups_at_once_both_count_and_disturb_each_other_nowhere(desk: Desk) -> None:
    other = replace(desk, journal=Journal(), clock=TickingClock(desk.clock.now()))
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(each.back_up) for each in (desk, other)]
        snapshots = {str(each.result().facts["snapshot"]) for each in both}

    assert len(snapshots) == 2
    listed = catalogue.list_snapshots(desk.store)
    assert {each.id for each in listed} == snapshots
    assert all(each.standing.verified_at is not None for each in listed)


def test_without_the_configuration_there_is_no_backup(desk: Desk) -> None:
    desk.host.layout.configuration.rename(desk.host.root / "elsewhere")

    with pytest.raises(HostFailure, match=r"etc/zulip could not be read"):
        desk.back_up()

    assert catalogue.list_snapshots(desk.store) == ()


def test_a_repository_of_a_newer_format_is_left_alone(desk: Desk) -> None:
    open_store(desk.store).put("repository.json", b'{"format": 2}')

    with pytest.raises(HostFailure, match="a format that this program does not know"):
        desk.back_up()

    assert list(everything_below(desk.directory)) == ["repository.json"]


def own_children() -> list[str]:
    """Names of the processes below this one that still run."""
    said = processes.run(
        ("ps", "-o", "comm=", "--ppid", str(os.getpid())), timeout=timedelta(seconds=9), check=False
    )
    return [name for name in said.output.split() if name.startswith("pg_")]


def _cancel(_done: int) -> None:
    raise Cancelled


def _before_copying(monkeypatch: pytest.MonkeyPatch, name: str, act: object) -> None:
    """Do something at the moment at which this file was scanned and is about to be read."""
    assert callable(act)
    copy = tar_stream.TarWriter.add_file

    def act_and_copy(writer: tar_stream.TarWriter, member: str, path: bytes) -> tar_stream.Copied:
        if member.endswith(name):
            act()
        return copy(writer, member, path)

    monkeypatch.setattr(tar_stream.TarWriter, "add_file", act_and_copy)
