"""A copy is read back while it is made, and what happens to it meanwhile is noticed."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from handlers.backups import catalogue, repository, streams, tar_stream
from handlers.backups.arrivals import Arrivals
from handlers.backups.repository import StoredObject, StreamRecord
from handlers.errors import Cancelled, HostFailure, Reason
from handlers.host import local_store
from handlers.host.object_store import open_store
from tests.handlers.backups.conftest import Desk

COMMIT = "Write the commit records"
READ = "Read the copy in store disk back to its end"
OBJECTS = tuple(StoredObject(f"objects/x/database-{n:06d}", 1, "") for n in range(1, 4))
RECORD = StreamRecord("anything", OBJECTS, 3, None)


@pytest.fixture(autouse=True)
def small_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of a quarter of a mebibyte, so that small copies have many."""
    monkeypatch.setattr(streams, "OBJECT_BYTES", 1024 * 1024 // 4)


def when(desk: Desk, title: str, act: Callable[[], object]) -> None:
    """Do something at the moment at which this step begins."""

    def on_step(begun: str) -> None:
        if begun == title:
            act()

    desk.journal.on_step = on_step


def only(desk: Desk, pattern: str) -> Path:
    """The first object of this name; the database has many."""
    return min(desk.directory.glob(pattern))


def test_objects_are_followed_in_order_whatever_order_they_arrive_in() -> None:
    arrivals = Arrivals()
    with ThreadPoolExecutor(1) as threads:
        following = threads.submit(lambda: list(arrivals.objects()))
        for number in (2, 0, 1):
            arrivals.arrived(number, OBJECTS[number])
        with pytest.raises(TimeoutError):
            following.result(timeout=0.2)
        arrivals.complete(RECORD)

        assert following.result(timeout=10) == list(OBJECTS)


def test_an_object_that_was_not_stored_yet_is_waited_for() -> None:
    arrivals = Arrivals()
    arrivals.complete(RECORD)
    arrivals.arrived(0, OBJECTS[0])
    objects = arrivals.objects()
    assert next(objects) == OBJECTS[0]

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(next, objects)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.2)
        arrivals.give_up()
        with pytest.raises(Cancelled):
            waiting.result(timeout=10)


def test_it_is_read_back_while_it_is_copied(desk: Desk) -> None:
    desk.host.grow_database(60_000)
    read: list[float] = []

    def note(_done: int) -> None:
        sentence = desk.journal.said[-1][0]
        if found := re.search(r"^Copied: .* Read back: ([\d.]+) [kM]B, compressed\.$", sentence):
            read.append(float(found[1]))

    desk.journal.on_progress = note
    desk.back_up()

    assert max(read) > 0
    assert catalogue.list_snapshots(desk.store)[0].standing.verified_at is not None


def test_an_object_that_goes_before_the_commit_record_is_noticed_after_it(desk: Desk) -> None:
    when(desk, COMMIT, lambda: only(desk, "objects/*/database-*").unlink())

    with pytest.raises(HostFailure, match=r"database-000001 is missing") as failure:
        desk.back_up()

    assert failure.value.message.startswith("No store has a verified copy. Store disk: ")
    [found] = catalogue.list_snapshots(desk.store)
    assert found.standing.verified_at is None


def test_a_commit_record_that_is_not_what_was_written_is_noticed(desk: Desk) -> None:
    def change() -> None:
        path = only(desk, "snapshots/*.json")
        path.write_text(path.read_text().replace('"job": 12', '"job": 13'))

    when(desk, READ, change)

    with pytest.raises(HostFailure, match=r"the commit record of \S+ is damaged") as failure:
        desk.back_up()

    assert failure.value.reason is Reason.VERIFICATION_FAILED


@pytest.mark.parametrize("stream", ["database", "uploads", "index", "configuration"])
def test_a_byte_that_the_store_damages_is_noticed_and_the_copy_stays_unverified(
    desk: Desk, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = local_store._write_once

    def write_badly(path: Path, data: bytes | bytearray) -> None:
        damaged = bytearray(data)
        if path.name == f"{stream}-000001":
            damaged[len(damaged) // 2] ^= 1
        write(path, damaged)

    monkeypatch.setattr(local_store, "_write_once", write_badly)

    with pytest.raises(HostFailure, match=f"{stream}-000001 ") as failure:
        desk.back_up()

    assert failure.value.reason is Reason.VERIFICATION_FAILED
    [found] = catalogue.list_snapshots(desk.store)
    assert found.standing.verified_at is None


@pytest.mark.parametrize("stream", ["uploads", "configuration"])
def test_a_tar_that_gnu_tar_cannot_read_is_no_verified_copy(
    desk: Desk, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = tar_stream._header

    def without_checksum(name: str, *more: Any) -> bytes:
        block = header(name, *more)
        is_meant = name.startswith("uploads/") is (stream == "uploads")
        return block[:148] + b"0" * 8 + block[156:] if is_meant else block

    monkeypatch.setattr(tar_stream, "_header", without_checksum)

    with pytest.raises(HostFailure, match=f"tar could not read the tar of the {stream}") as failure:
        desk.back_up()

    assert failure.value.reason is Reason.VERIFICATION_FAILED
    assert "tar: " in failure.value.tail
    [found] = catalogue.list_snapshots(desk.store)
    assert found.standing.verified_at is None


def test_an_upload_is_held_to_its_hash_through_the_tar_that_holds_it(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])

    record = repository.read_snapshot(open_store(desk.store), snapshot_id)

    # What `verify` later holds file by file to the index, the run holds to this.
    assert record.streams[repository.UPLOADS].plain_sha256 is not None
