"""The age and the verification of the newest copy in each store are judged."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.backups import repository
from handlers.backups.repository import Snapshot, StreamRecord, UploadTotals
from handlers.backups.standing import Note, add_note
from handlers.checks.backups import observe
from handlers.checks.contract import Context, Finding, Level
from handlers.contract import JSON
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from tests.handlers.checks.conftest import NOW

STREAM = StreamRecord("tar", (repository.StoredObject("objects/x", 500, "00"),), 900, "00")


def commit(settings: StoreSettings, age: timedelta, *, verified: bool = True) -> str:
    """A snapshot of that age, as far as the catalogue looks at it."""
    store = open_store(settings)
    made = NOW - age
    snapshot = Snapshot(
        id=repository.new_id(made),
        job=7,
        created_at=made,
        committed_at=made,
        streams={repository.DATABASE: STREAM},
        uploads=UploadTotals(),
        facts={"zulip": {"version": "9.2"}},
        left_out=(),
        seconds={},
    )
    repository.prepare(store, made)
    store.put(repository.commit_key(snapshot.id), repository.encode(repository.to_json(snapshot)))
    if verified:
        add_note(store, Note.VERIFIED, snapshot.id, made, {})
    return snapshot.id


@pytest.fixture
def local(tmp_path: Path) -> StoreSettings:
    (tmp_path / "backups").mkdir()
    return StoreSettings("local", path=tmp_path / "backups")


def look(context: Context, *stores: StoreSettings) -> Finding:
    return observe(replace(context, stores=stores))


def of_store(finding: Finding, name: str) -> dict[str, JSON]:
    stores = finding.values["stores"]
    assert isinstance(stores, list)
    (found,) = [each for each in stores if isinstance(each, dict) and each["name"] == name]
    return found


def test_the_newest_verified_copy_is_told(context: Context, local: StoreSettings) -> None:
    older = commit(local, timedelta(hours=27))
    newer = commit(local, timedelta(hours=3))
    finding = look(context, local)
    assert finding.level is Level.OK
    taken = context.clock.now() - timedelta(hours=3)
    said = f"The newest copy in local was taken {taken:%Y-%m-%d %H:%M} UTC and is verified."
    assert finding.sentence == said
    store = of_store(finding, "local")
    assert (store["newest"], store["age_seconds"], store["verified"]) == (newer, 10800.0, True)
    assert store["created_at"] == taken.isoformat()
    assert isinstance(store["snapshots"], list)
    assert [each["id"] for each in store["snapshots"] if isinstance(each, dict)] == [newer, older]
    assert store["snapshots"][0] == {
        "id": newer,
        "job": 7,
        "created_at": "2026-11-23T10:00:00+00:00",
        "age_seconds": 10800.0,
        "size_bytes": 500,
        "verified": True,
        "verified_at": "2026-11-23T10:00:00+00:00",
        "compared_at": None,
        "proven": False,
        "proven_at": None,
        "refuted_at": None,
        "kept_until": None,
        "marked_at": None,
        "zulip_version": "9.2",
        "audit_head": None,
        "damaged": False,
        "only": None,
        "missing_files": 0,
    }


def test_a_copy_of_which_only_the_bytes_were_compared_says_when_it_was_read(
    context: Context, local: StoreSettings
) -> None:
    newest = commit(local, timedelta(hours=3))
    at = NOW - timedelta(hours=1)
    add_note(open_store(local), Note.COMPARED, newest, at, {})

    finding = look(context, local)

    assert finding.level is Level.OK
    assert finding.sentence.endswith(
        " and is verified. Its stored bytes were compared on 2026-11-23; its content was last read"
        " on 2026-11-23."
    )


@pytest.mark.parametrize(
    ("hours", "verified", "level"),
    [
        (24.9, True, Level.OK),
        (25.1, True, Level.WARNING),
        (49.1, True, Level.CRITICAL),
        (1, False, Level.WARNING),
        (49.1, False, Level.CRITICAL),
    ],
)
def test_old_and_unverified_copies_are_pressing(
    context: Context, local: StoreSettings, hours: float, verified: bool, level: Level
) -> None:
    commit(local, timedelta(hours=hours), verified=verified)
    finding = look(context, local)
    assert finding.level is level
    assert ("not verified" in finding.sentence) == (not verified)
    assert (finding.hint is None) == (level is Level.OK)


def test_a_directory_that_is_missing_is_told(context: Context, local: StoreSettings) -> None:
    assert local.path is not None
    local.path.rmdir()
    finding = look(context, local)
    assert finding.level is Level.UNKNOWN
    assert finding.sentence == (
        f"The store local could not be read: its directory {local.path} is missing; "
        "its disk is not mounted, or no backup was taken yet."
    )


def test_a_store_without_a_copy_is_a_warning(context: Context, local: StoreSettings) -> None:
    finding = look(context, local)
    assert (finding.level, finding.sentence) == (Level.WARNING, "There is no backup in local yet.")
    assert of_store(finding, "local")["newest"] is None


def test_a_damaged_commit_record_is_critical(context: Context, local: StoreSettings) -> None:
    newest = commit(local, timedelta(hours=1))
    assert local.path is not None
    record = local.path / repository.commit_key(newest)
    record.chmod(0o600)
    record.write_text("{")
    finding = look(context, local)
    assert finding.level is Level.CRITICAL
    assert "damaged" in finding.sentence


def test_without_a_store_nothing_is_backed_up(context: Context) -> None:
    finding = look(context)
    assert finding.level is Level.WARNING
    assert finding.hint is not None
    assert "[[stores]]" in finding.hint


def test_a_store_that_cannot_be_read_hides_no_other(
    context: Context, local: StoreSettings, s3_store_settings: StoreSettings
) -> None:
    commit(local, timedelta(hours=1))
    finding = look(context, local, replace(s3_store_settings, bucket="no-such-bucket"))
    assert finding.level is Level.UNKNOWN
    assert finding.sentence.startswith("The store bucket could not be read: ")
    assert of_store(finding, "local")["verified"] is True
    assert of_store(finding, "bucket")["problem"]


def test_a_bucket_is_read_as_a_directory_is(
    context: Context, local: StoreSettings, s3_store_settings: StoreSettings
) -> None:
    commit(local, timedelta(hours=1))
    commit(s3_store_settings, timedelta(hours=26))
    finding = look(context, local, s3_store_settings)
    assert finding.level is Level.WARNING
    taken = context.clock.now() - timedelta(hours=26)
    said = f"The newest copy in bucket was taken {taken:%Y-%m-%d %H:%M} UTC and is verified."
    assert finding.sentence == said


def test_no_bucket_means_no_boto3() -> None:
    script = "import handlers.checks.registry, sys; print('boto3' in sys.modules)"
    argv = [sys.executable, "-I", "-c", script]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
