"""Backups that are sealed: who can read them, what they build on, and what is left on the host."""

import hashlib
import json
import os
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import available_majors
from handlers.backups import catalogue, streams, take_backup
from handlers.backups.reading.following import Means, Tools
from handlers.backups.reading.verify import Verification, verify
from handlers.backups.repository import commit_record, from_json
from handlers.backups.sealing.beside import opened
from handlers.backups.sealing.keys import INDEX_KEY_FILE, keys_at_hand
from handlers.errors import HostFailure, Reason
from handlers.host import age
from handlers.host.age import CannotOpen, Identity, key_id
from handlers.host.object_store import open_store
from handlers.host.settings import KeySettings, StoreSettings
from tests.handlers.backups.conftest import Desk

UPLOADS = 40 + 36
RECOVERY, DRILL = Identity.generate(), Identity.generate()
SEALED = KeySettings(recovery=(RECOVERY.recipient,))


def with_drill_key(directory: Path, identity: Identity = DRILL) -> KeySettings:
    path = directory / "drill.key"
    path.write_text(f"{identity.text}\n")
    return replace(SEALED, drill=DRILL.recipient, drill_identity_file=path)


def read_again(desk: Desk, snapshot_id: str) -> Verification:
    snapshot = catalogue.snapshot(desk.store, snapshot_id)
    tools = Tools(desk.host.settings().database, available_majors()[16])
    keys = keys_at_hand(desk.keys, desk.journal.output)
    means = Means(tools, keys, snapshot.sealing)
    return verify(open_store(desk.store), snapshot, means, desk.journal, desk.clock.now())


def sealed_objects(desk: Desk, snapshot_id: str) -> list[Path]:
    return sorted((desk.directory / "objects" / snapshot_id).iterdir())


def object_of(desk: Desk, snapshot_id: str, stream: str) -> Path:
    return desk.directory / "objects" / snapshot_id / f"{stream}-000001.age"


def new_uploads(desk: Desk) -> object:
    """Of a backup that is taken now."""
    [store] = _stores(desk.back_up().facts["stores"])
    assert store["verified"] is True
    return store["new_uploads"]


def _stores(facts: object) -> list[dict[str, object]]:
    assert isinstance(facts, list)
    return facts


def test_each_object_is_a_file_that_either_lasting_key_opens(desk: Desk, tmp_path: Path) -> None:
    desk.keys = with_drill_key(tmp_path)

    outcome = desk.back_up()

    ids = [key_id(RECOVERY.recipient), key_id(DRILL.recipient)]
    assert outcome.facts["sealed_to"] == ids
    said = f" It is sealed to the recovery key `{ids[0]}` and drill key `{ids[1]}`."
    assert outcome.sentence.endswith(said)
    objects = sealed_objects(desk, str(outcome.facts["snapshot"]))
    assert [each.name for each in objects] == [
        f"{stream}-000001.age" for stream in ("configuration", "database", "index", "uploads")
    ]
    for each in objects:
        plain = {b"".join(opened((each.read_bytes(),), (key,))) for key in (RECOVERY, DRILL)}
        assert len(plain) == 1
        with pytest.raises(CannotOpen):
            b"".join(opened((each.read_bytes(),), (Identity.generate(),)))
    [found] = catalogue.list_snapshots(desk.store)
    assert found.standing.verified_at is not None


def test_the_commit_record_names_every_key_and_no_secret(desk: Desk, tmp_path: Path) -> None:
    desk.keys = with_drill_key(tmp_path)

    snapshot_id = str(desk.back_up().facts["snapshot"])

    text = (desk.directory / f"snapshots/{snapshot_id}.json").read_text()
    sealing = json.loads(text)["sealing"]
    assert sealing["format"] == "age-encryption.org/v1"
    assert [key["use"] for key in sealing["keys"]] == ["recovery", "drill", "run", "index"]
    assert sealing["keys"][0] == {
        "use": "recovery",
        "id": key_id(RECOVERY.recipient),
        "recipient": RECOVERY.recipient,
    }
    assert "SECRET" not in text


def test_no_secret_key_is_said_or_kept_but_that_of_the_index(desk: Desk) -> None:
    desk.keys = SEALED

    snapshot_id = str(desk.back_up().facts["snapshot"])

    journal = desk.journal
    said = repr((journal.steps, journal.said, journal.facts, journal.outputs))
    assert "AGE-SECRET-KEY" not in said
    root = desk.host.root.parent
    holding = [
        path for path in root.rglob("*") if path.is_file() and b"AGE-SECRET" in path.read_bytes()
    ]
    assert holding == [root / "state" / INDEX_KEY_FILE]
    assert holding[0].stat().st_mode & 0o777 == 0o600
    made = (Identity.read(holding[0]),)
    index = object_of(desk, snapshot_id, "index").read_bytes()
    assert b"".join(opened((index,), made))
    for stream in ("database", "uploads", "configuration"):
        with pytest.raises(CannotOpen):
            b"".join(opened((object_of(desk, snapshot_id, stream).read_bytes(),), made))


def test_streams_of_many_objects_are_sealed_and_read_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, s3_store_settings: StoreSettings
) -> None:
    monkeypatch.setattr(streams, "OBJECT_BYTES", 64 * 1024)
    (desk.host.layout.uploads / "large.bin").write_bytes(os.urandom(6_000_000))
    desk.keys = SEALED

    outcome = desk.back_up(desk.store, s3_store_settings)

    assert [each["verified"] for each in _stores(outcome.facts["stores"])] == [True, True]
    record = catalogue.snapshot(s3_store_settings, str(outcome.facts["snapshot"]))
    # How many depends on how zstd's threads hand out what they have compressed.
    assert len(record.streams["uploads"].objects) > 1


def test_later_backups_send_only_what_is_new(desk: Desk) -> None:
    desk.keys = SEALED
    assert new_uploads(desk) == UPLOADS
    desk.host.add_uploads(3)
    assert new_uploads(desk) == 3
    assert new_uploads(desk) == 0


def test_a_sealed_copy_builds_on_none_that_is_not_and_the_reverse(desk: Desk) -> None:
    assert new_uploads(desk) == UPLOADS
    first = catalogue.list_snapshots(desk.store)[0]

    desk.keys = SEALED
    assert new_uploads(desk) == UPLOADS
    assert "Store disk: all uploads are copied anew. " in "".join(desk.journal.outputs)
    assert f"{first.id} is not sealed to the same keys." in "".join(desk.journal.outputs)
    assert new_uploads(desk) == 0

    desk.keys = KeySettings()
    assert new_uploads(desk) == UPLOADS
    assert new_uploads(desk) == 0
    assert read_again(desk, first.id).content_read_at is not None


def test_a_new_key_opens_all_that_its_copies_need_and_an_old_one_may_go(desk: Desk) -> None:
    other = Identity.generate().recipient
    desk.keys = SEALED
    assert new_uploads(desk) == UPLOADS
    desk.keys = KeySettings(recovery=(RECOVERY.recipient, other))
    assert new_uploads(desk) == UPLOADS
    desk.keys = KeySettings(recovery=(other,))
    assert new_uploads(desk) == 0


def test_without_the_key_of_the_index_all_uploads_are_copied_anew(desk: Desk) -> None:
    desk.keys = SEALED
    desk.back_up()
    (desk.host.root.with_name("state") / INDEX_KEY_FILE).unlink()

    assert new_uploads(desk) == UPLOADS
    assert "No key is here that opens the index of" in "".join(desk.journal.outputs)
    assert new_uploads(desk) == 0


def test_a_damaged_key_of_the_index_stops_no_backup(desk: Desk) -> None:
    desk.keys = SEALED
    desk.back_up()
    (desk.host.root.with_name("state") / INDEX_KEY_FILE).write_text("nonsense\n")

    outcome = desk.back_up()

    assert "All uploads are copied anew until that is put right." in outcome.sentence
    [store] = _stores(outcome.facts["stores"])
    assert (store["new_uploads"], store["verified"]) == (UPLOADS, True)


def test_the_plan_is_bound_to_the_keys(desk: Desk, tmp_path: Path) -> None:
    plain = take_backup.plan(desk.context(), take_backup.Args())
    desk.keys = with_drill_key(tmp_path)
    sealed = take_backup.plan(desk.context(), take_backup.Args())

    assert plain.binding["sealed_to"] == []
    assert sealed.binding["sealed_to"] == [
        key_id(each) for each in sorted((RECOVERY.recipient, DRILL.recipient))
    ]


def test_without_a_key_the_stored_bytes_are_compared(desk: Desk) -> None:
    desk.keys = SEALED
    snapshot_id = str(desk.back_up().facts["snapshot"])
    verified_at = catalogue.list_snapshots(desk.store)[0].standing.verified_at
    assert verified_at is not None
    desk.clock.move(timedelta(days=3))

    noted = read_again(desk, snapshot_id)

    [found] = catalogue.list_snapshots(desk.store)
    assert noted.bytes == catalogue.snapshot(desk.store, snapshot_id).stored_bytes
    assert noted.content_read_at == found.standing.verified_at == verified_at
    assert not noted.is_whole
    assert noted.content_last_read == "its content was last read on 2026-11-23"
    assert found.standing.compared_at == noted.at.replace(microsecond=0)


def test_with_the_drill_key_the_content_is_read_again(desk: Desk, tmp_path: Path) -> None:
    desk.keys = with_drill_key(tmp_path)
    snapshot_id = str(desk.back_up().facts["snapshot"])
    desk.clock.move(timedelta(days=3))

    noted = read_again(desk, snapshot_id)

    assert noted.content_read_at == noted.at
    assert noted.is_whole
    [found] = catalogue.list_snapshots(desk.store)
    assert found.standing.verified_at == noted.at.replace(microsecond=0)


def test_another_key_in_the_drill_file_stops_no_backup_and_opens_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    desk.keys = with_drill_key(tmp_path, Identity.generate())
    outcome = desk.back_up()
    snapshot_id = str(outcome.facts["snapshot"])
    verified_at = catalogue.list_snapshots(desk.store)[0].standing.verified_at

    noted = read_again(desk, snapshot_id)

    assert verified_at is not None
    assert noted.content_read_at == verified_at
    said = "holds another key than `backup.keys.drill` names. What is sealed to it cannot be read"
    assert said in outcome.sentence


def _flip(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def _cut(data: bytes) -> bytes:
    return data[:-20]


@pytest.mark.parametrize("has_key", [True, False], ids=["with the key", "without it"])
def test_what_is_not_what_was_written_is_named(desk: Desk, tmp_path: Path, has_key: bool) -> None:
    desk.keys = with_drill_key(tmp_path) if has_key else SEALED
    earlier = str(desk.back_up().facts["snapshot"])
    before = {path: path.read_bytes() for path in sealed_objects(desk, earlier)}
    snapshot_id = str(desk.back_up().facts["snapshot"])

    for path, harm in product(sealed_objects(desk, snapshot_id), (_flip, _cut)):
        good = path.read_bytes()
        path.write_bytes(harm(good))
        with pytest.raises(HostFailure) as failure:
            read_again(desk, snapshot_id)
        path.write_bytes(good)

        key = f"objects/{snapshot_id}/{path.name}"
        assert failure.value.message == f"Store disk: {key} is not what was written."
        assert failure.value.reason is Reason.VERIFICATION_FAILED
    assert {path: path.read_bytes() for path in sealed_objects(desk, earlier)} == before
    assert read_again(desk, earlier).content_read_at is not None


def test_an_object_that_is_sealed_to_another_key_is_named(desk: Desk, tmp_path: Path) -> None:
    desk.keys = with_drill_key(tmp_path)
    snapshot_id = str(desk.back_up().facts["snapshot"])
    path = object_of(desk, snapshot_id, "database")
    other = age.seal((path.read_bytes(),), (Identity.generate().recipient,))
    path.write_bytes(other)
    _make_the_record_fit(desk, snapshot_id, bytes(other))

    with pytest.raises(HostFailure) as failure:
        read_again(desk, snapshot_id)

    assert failure.value.message == (
        f"Store disk: objects/{snapshot_id}/database-000001.age is what was written, but the key"
        f" {key_id(DRILL.recipient)} does not open it."
    )


def _make_the_record_fit(desk: Desk, snapshot_id: str, stored: bytes) -> None:
    path = desk.directory / f"snapshots/{snapshot_id}.json"
    record = json.loads(path.read_text())
    [found] = record["streams"]["database"]["objects"]
    found["bytes"], found["sha256"] = len(stored), hashlib.sha256(stored).hexdigest()
    path.write_bytes(commit_record(from_json(record)))


def test_earlier_uploads_are_compared_when_they_are_due_and_damage_is_found(desk: Desk) -> None:
    desk.keys = SEALED
    first = str(desk.back_up().facts["snapshot"])
    desk.clock.move(timedelta(days=8))
    desk.host.add_uploads(1)
    second = str(desk.back_up().facts["snapshot"])
    note = json.loads(max(desk.directory.glob(f"verified/{second}/*.json")).read_text())
    assert set(note["uploads_compared_at"]) == {first}

    path = object_of(desk, first, "uploads")
    path.write_bytes(_flip(path.read_bytes()))
    desk.clock.move(timedelta(days=8))
    with pytest.raises(HostFailure, match=r"uploads-000001\.age is not what was written"):
        desk.back_up()

    assert new_uploads(desk) == UPLOADS + 1 - 1
