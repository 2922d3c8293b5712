"""`backup probe`: what a store can do is tried, and noted where later work reads it."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.replies.copies import shown
from handlers.backups.probing import probe_stores
from handlers.backups.probing.abilities import Ability, Probe, newest_probe, note
from handlers.backups.probing.trying import probe
from handlers.contract import Context, Outcome
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host import local_store
from handlers.host.object_store import S3Store, open_store
from handlers.host.settings import HostSettings, StoreSettings
from jobs.clock import SystemClock
from tests.fakes.faulty_s3 import FaultyS3
from tests.handlers.backups.conftest import Journal

CLOCK = SystemClock()


@pytest.fixture
def disk(tmp_path: Path) -> StoreSettings:
    return StoreSettings("disk", path=tmp_path / "copies")


@pytest.fixture
def faulty() -> Iterator[FaultyS3]:
    with FaultyS3() as server:
        yield server


@pytest.fixture
def bucket(faulty: FaultyS3, tmp_path: Path) -> StoreSettings:
    settings = faulty.store_settings("bucket", uuid.uuid4().hex, tmp_path)
    S3Store(settings).request("create_bucket")
    return settings


def run(journal: Journal, *stores: StoreSettings, only: str | None = None) -> Outcome:
    context = Context(1, 1, HostSettings(), stores, journal, CLOCK)
    args = probe_stores.Args(only)
    return probe_stores.run(context, args, probe_stores.plan(context, args))


def told(journal: Journal) -> str:
    return shown("backup probe", journal.facts, "ops") or ""


def known(settings: StoreSettings) -> Probe:
    found = newest_probe(open_store(settings))
    assert found is not None
    return found


def test_a_store_that_can_do_all_is_known_to(s3_store_settings: StoreSettings) -> None:
    journal = Journal()

    outcome = run(journal, s3_store_settings)

    assert outcome.sentence == "bucket was probed."
    found = known(s3_store_settings)
    assert found.may_lease
    assert all(found.can(each) for each in (Ability.CHECKS_SHA256, Ability.CHECKS_MD5))
    assert found.winners == 1
    assert found.clock_error_seconds is not None
    assert abs(found.clock_error_seconds) < 5
    said = told(journal)
    assert said.startswith("- **bucket**: of 16 writers of one key one wins; ")
    assert "a wrong SHA-256 is refused; a wrong MD5 is refused; " in said
    assert "whoever has this host's key to it can remove every copy." in said
    left = [each.key for each in open_store(s3_store_settings).entries("probe/")]
    assert left == []


def test_a_directory_has_one_winner(disk: StoreSettings) -> None:
    journal = Journal()

    run(journal, disk)

    found = known(disk)
    assert found.may_lease
    assert found.can(Ability.DELETES)
    assert found.found[Ability.CHECKS_SHA256] is None
    assert told(journal) == (
        "- **disk**: of 16 writers of one key one wins; who lost the answer finds out by reading;"
        " this host can delete objects."
    )
    assert disk.path is not None
    assert not (disk.path / "probe").exists()


def test_a_directory_where_several_win_is_found_out(
    disk: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system without hard links, whose rename overwrites."""

    def write(path: Path, data: bytes | bytearray) -> None:
        path.write_bytes(data)

    monkeypatch.setattr(local_store, "_write_once", write)

    found = probe(open_store(disk), CLOCK)

    assert found.winners == 16
    assert not found.may_lease


def test_a_bucket_that_ignores_conditions_is_found_out(
    bucket: StoreSettings, faulty: FaultyS3
) -> None:
    faulty.forgets_conditions, journal = True, Journal()

    run(journal, bucket)

    found = known(bucket)
    assert not found.can(Ability.ONE_WINNER)
    assert not found.may_lease
    assert (
        "  - **Of 16 writers of one key 16 won, so no lease is taken there: only this host's own"
        in told(journal)
    )


def test_a_bucket_that_knows_no_conditions_has_no_winner(
    bucket: StoreSettings, faulty: FaultyS3
) -> None:
    faulty.knows_no_conditions = True

    found = probe(open_store(bucket), CLOCK)

    assert found.winners == 0
    assert not found.can(Ability.ONE_WINNER)
    assert not found.may_lease


def test_checksums_that_nobody_looks_at_are_said_to_be_of_no_consequence(
    bucket: StoreSettings,
) -> None:
    journal = Journal()

    run(journal, bucket)

    found = known(bucket)
    assert found.may_lease
    assert not found.can(Ability.CHECKS_SHA256)
    assert not found.can(Ability.CHECKS_MD5)
    assert (
        "  - It takes what has another SHA-256 than was sent. Nothing relies on it: every object is"
        " read back and compared before it counts." in told(journal)
    )


@pytest.mark.parametrize("minutes", [5, -5])
def test_a_clock_that_differs_takes_the_lease(
    bucket: StoreSettings, faulty: FaultyS3, minutes: int
) -> None:
    faulty.clock_ahead, journal = timedelta(minutes=minutes), Journal()

    run(journal, bucket)

    assert not known(bucket).may_lease
    where = "ahead of" if minutes > 0 else "behind"
    assert "min" in told(journal)
    assert f"{where} ours, so no lease is taken there" in told(journal)


def test_a_bucket_that_lets_nothing_be_deleted_is_found_out(
    bucket: StoreSettings, faulty: FaultyS3
) -> None:
    faulty.refuses, journal = {"DELETE": (403, "AccessDenied")}, Journal()

    run(journal, bucket)

    assert not known(bucket).can(Ability.DELETES)
    assert "This host cannot delete there, so nothing is ever removed" in told(journal)


def test_versions_and_locks_are_seen(bucket: StoreSettings) -> None:
    bucket = replace(bucket, bucket="locked")
    store = S3Store(bucket)
    store.request("create_bucket", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    store.request(
        "put_object_lock_configuration",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    journal = Journal()

    run(journal, bucket)

    found = known(bucket)
    assert found.can(Ability.VERSIONING)
    assert found.can(Ability.OBJECT_LOCK)
    assert "objects are locked for a time" in told(journal)
    assert "can remove every copy" not in told(journal)


def test_a_store_that_is_away_does_not_stop_the_others(
    disk: StoreSettings, bucket: StoreSettings
) -> None:
    gone, journal = replace(bucket, bucket="gone"), Journal()

    with pytest.raises(HostFailure) as failure:
        run(journal, gone, disk)

    assert failure.value.message == (
        "bucket could NOT be probed. Store bucket: there is no bucket gone. disk was probed."
    )
    assert failure.value.reason is Reason.STORE_FAILED
    assert known(disk).may_lease
    assert "- **disk**: " in told(journal)
    assert journal.steps == [
        ("Try what store bucket can do", False),
        ("Try what store disk can do", True),
    ]


def test_one_store_can_be_named(disk: StoreSettings, bucket: StoreSettings) -> None:
    run(Journal(), bucket, disk, only="disk")

    assert newest_probe(open_store(bucket)) is None
    with pytest.raises(BadCommand, match="There is no store `moon`"):
        run(Journal(), disk, only="moon")


def test_the_newest_note_counts_and_a_damaged_one_is_none(disk: StoreSettings) -> None:
    store, first = open_store(disk), datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert newest_probe(store) is None
    for day, can in ((0, True), (1, False)):
        found = {Ability.ONE_WINNER: can, Ability.READ_BACK: True}
        note(store, Probe(first + timedelta(days=day), found))

    assert known(disk).at == first + timedelta(days=1)
    assert not known(disk).may_lease

    assert disk.path is not None
    max(disk.path.glob("probes/*")).write_text("[]")
    assert newest_probe(store) is None


def test_what_was_not_found_out_is_not_relied_on() -> None:
    nothing = Probe(datetime(2026, 11, 23, tzinfo=UTC), {})

    assert not any(nothing.can(each) for each in Ability)
    assert not nothing.may_lease
