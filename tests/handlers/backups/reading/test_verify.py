"""A copy counts as verified only if every byte of it is what was written."""

import hashlib
import json
import random
from datetime import timedelta
from pathlib import Path

import pytest
import zstandard

from bot.demo.postgres_cluster import available_majors
from handlers.backups import catalogue
from handlers.backups.reading.following import Means, Tools
from handlers.backups.reading.verify import Verification, verify
from handlers.backups.repository import Snapshot, commit_record, encode, from_json, to_json
from handlers.errors import HostFailure, Reason
from handlers.host.object_store import open_store
from tests.handlers.backups.conftest import Desk

STREAMS = ("database", "uploads", "index", "configuration")


def read_again(desk: Desk, snapshot_id: str) -> Verification:
    snapshot = catalogue.snapshot(desk.store, snapshot_id)
    tools = Tools(desk.host.settings().database, available_majors()[16])
    return verify(open_store(desk.store), snapshot, Means(tools), desk.journal, desk.clock.now())


def object_file(desk: Desk, snapshot_id: str, stream: str) -> Path:
    return desk.directory / "objects" / snapshot_id / f"{stream}-000001"


def rewrite_object(desk: Desk, snapshot_id: str, stream: str, plain: bytes) -> None:
    """Replace the content of a stream and make every checksum of the record fit again."""
    path = desk.directory / "snapshots" / f"{snapshot_id}.json"
    record = json.loads(path.read_text())
    stored = zstandard.ZstdCompressor(write_checksum=True).compress(plain)
    object_file(desk, snapshot_id, stream).write_bytes(stored)
    found = record["streams"][stream]
    found["plain_bytes"] = len(plain)
    if found["plain_sha256"] is not None:
        found["plain_sha256"] = hashlib.sha256(plain).hexdigest()
    found["objects"][0]["bytes"] = len(stored)
    found["objects"][0]["sha256"] = hashlib.sha256(stored).hexdigest()
    path.write_bytes(commit_record(from_json(record)))


def plain_of(desk: Desk, snapshot_id: str, stream: str) -> bytes:
    stored = object_file(desk, snapshot_id, stream).read_bytes()
    return zstandard.ZstdDecompressor().decompressobj().decompress(stored)


def test_a_good_copy_is_verified_again_and_again(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    first = catalogue.list_snapshots(desk.store)[0].standing.verified_at

    noted = read_again(desk, snapshot_id)

    assert noted.objects == 4
    assert noted.bytes == catalogue.snapshot(desk.store, snapshot_id).stored_bytes
    again = catalogue.list_snapshots(desk.store)[0].standing.verified_at
    assert first is not None
    assert again is not None
    assert again > first


def test_one_flipped_bit_anywhere_is_noticed(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    lot = random.Random(7)

    for stream in STREAMS:
        path = object_file(desk, snapshot_id, stream)
        good = path.read_bytes()
        for _ in range(5):
            bad = bytearray(good)
            bad[lot.randrange(len(bad))] ^= 1 << lot.randrange(8)
            path.write_bytes(bad)
            with pytest.raises(HostFailure) as failure:
                read_again(desk, snapshot_id)
            assert failure.value.reason is Reason.VERIFICATION_FAILED
            assert f"{stream}-000001" in failure.value.message
        path.write_bytes(good)

    read_again(desk, snapshot_id)


@pytest.mark.parametrize("stream", STREAMS)
def test_an_object_cut_short_or_missing_is_noticed(desk: Desk, stream: str) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    path = object_file(desk, snapshot_id, stream)

    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(HostFailure, match=f"{stream}-000001 is not"):
        read_again(desk, snapshot_id)
    path.unlink()
    with pytest.raises(HostFailure, match=f"{stream}-000001 is missing"):
        read_again(desk, snapshot_id)


def test_a_truncated_dump_is_noticed_though_every_checksum_fits(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    plain = plain_of(desk, snapshot_id, "database")
    rewrite_object(desk, snapshot_id, "database", plain[: len(plain) - 2000])

    with pytest.raises(HostFailure, match="pg_restore could not read the dump") as failure:
        read_again(desk, snapshot_id)

    assert failure.value.reason is Reason.VERIFICATION_FAILED
    assert failure.value.tail


def test_a_tar_that_differs_from_its_index_is_noticed(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    tar = bytearray(plain_of(desk, snapshot_id, "uploads"))
    tar[600] ^= 1  # within the content of the first file
    rewrite_object(desk, snapshot_id, "uploads", bytes(tar))

    with pytest.raises(HostFailure, match="its index do not agree"):
        read_again(desk, snapshot_id)


def test_a_truncated_tar_is_noticed_though_every_checksum_fits(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    for stream, said in (
        ("configuration", "tar could not read the tar of the configuration to its end"),
        ("uploads", "the archive ends early"),
    ):
        good = plain_of(desk, snapshot_id, stream)
        rewrite_object(desk, snapshot_id, stream, good[:2048])
        with pytest.raises(HostFailure, match=said):
            read_again(desk, snapshot_id)
        rewrite_object(desk, snapshot_id, stream, good)


def test_earlier_uploads_are_read_again_only_when_it_is_time(desk: Desk) -> None:
    first = str(desk.back_up().facts["snapshot"])
    desk.host.add_uploads(1)
    second = str(desk.back_up().facts["snapshot"])

    soon = read_again(desk, second)
    desk.clock.move(timedelta(days=8))
    later = read_again(desk, second)

    assert soon.objects == 4
    assert later.objects == 4 + 2
    assert soon.uploads_read_at[first] < later.uploads_read_at[first]


def test_a_missing_object_of_an_earlier_snapshot_is_noticed_at_once(desk: Desk) -> None:
    first = str(desk.back_up().facts["snapshot"])
    object_file(desk, first, "uploads").unlink()

    with pytest.raises(HostFailure, match="later snapshots need it") as failure:
        desk.back_up()

    assert failure.value.reason is Reason.VERIFICATION_FAILED
    [second, _] = catalogue.list_snapshots(desk.store)
    assert second.standing.verified_at is None


def test_the_backup_after_a_damaged_one_no_longer_relies_on_it(desk: Desk) -> None:
    first = str(desk.back_up().facts["snapshot"])
    object_file(desk, first, "uploads").unlink()
    with pytest.raises(HostFailure):
        desk.back_up()

    third = str(desk.back_up().facts["snapshot"])

    record = catalogue.snapshot(desk.store, third)
    assert record.uploads.held_by == {third: 76}
    assert catalogue.list_snapshots(desk.store)[0].standing.verified_at is not None


def test_a_damaged_commit_record_is_listed_as_such(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    path = desk.directory / "snapshots" / f"{snapshot_id}.json"
    path.write_bytes(path.read_bytes()[:100])

    [found] = catalogue.list_snapshots(desk.store)

    assert found.is_damaged
    assert found.standing.verified_at is None
    assert (found.created_at.year, found.created_at.minute) == (2026, 2)
    with pytest.raises(HostFailure, match=f"the commit record of {snapshot_id} is damaged"):
        catalogue.snapshot(desk.store, snapshot_id)


def test_a_damaged_index_leads_to_a_full_copy(desk: Desk) -> None:
    first = str(desk.back_up().facts["snapshot"])
    object_file(desk, first, "index").write_bytes(b"damaged")

    second = str(desk.back_up().facts["snapshot"])

    assert catalogue.snapshot(desk.store, second).uploads.new_files == 76


def test_objects_without_a_commit_record_are_no_backup(desk: Desk) -> None:
    open_store(desk.store).put("objects/20261123T150200Z-0123abcd/database-000001", b"partial")

    assert catalogue.list_snapshots(desk.store) == ()


def test_one_flipped_bit_in_the_commit_record_is_noticed(desk: Desk) -> None:
    """Also in a figure or a text that would be read as well with it."""
    snapshot_id = str(desk.back_up().facts["snapshot"])
    path = desk.directory / "snapshots" / f"{snapshot_id}.json"
    good, lot = path.read_bytes(), random.Random(8)

    for _ in range(200):
        bad = bytearray(good)
        bad[lot.randrange(len(bad))] ^= 1 << lot.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(HostFailure, match=f"the commit record of {snapshot_id} is damaged"):
            catalogue.snapshot(desk.store, snapshot_id)


def test_a_commit_record_survives_being_written_and_read(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])

    record: Snapshot = catalogue.snapshot(desk.store, snapshot_id)

    assert from_json(json.loads(encode(to_json(record)))) == record


def test_the_list_is_newest_first_and_can_be_cut(desk: Desk) -> None:
    ids = [str(desk.back_up().facts["snapshot"]) for _ in range(3)]

    assert [each.id for each in catalogue.list_snapshots(desk.store)] == ids[::-1]
    assert [each.id for each in catalogue.list_snapshots(desk.store, limit=1)] == ids[2:]
