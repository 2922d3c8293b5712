"""Copies of the first format, as they were written on 2026-11-25, are read for ever.

`format_1/store` has three: one that is not sealed, and two that are, of which the second relies on
uploads of the first. `format_1/drill.key` opens those, and nothing else anywhere.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import available_majors
from handlers.backups import catalogue, repository
from handlers.backups.earlier_uploads import find_base
from handlers.backups.reading import verify_backup
from handlers.backups.sealing.keys import keys_at_hand
from handlers.contract import JSON, Context, Outcome
from handlers.errors import HostFailure, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import DatabaseSettings, HostSettings, KeySettings, StoreSettings
from jobs.clock import SystemClock

FIXTURE = Path(__file__).with_name("format_1")
OPEN, SEALED, SEALED_LATER = (
    *("20261125T020001Z-e88ab4c7", "20261125T020005Z-ef399051"),
    "20261125T020009Z-be979e54",
)


class NoJournal:
    """Keeps nothing of what is said."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        yield

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        pass

    def fact(self, name: str, value: JSON) -> None:
        pass

    def output(self, text: str) -> None:
        pass


@pytest.fixture
def store(tmp_path: Path) -> StoreSettings:
    """A store of one's own: reading a copy back writes a note."""
    shutil.copytree(FIXTURE / "store", tmp_path / "store")
    return StoreSettings("old", path=tmp_path / "store")


def keys(store: StoreSettings) -> KeySettings:
    sealing = catalogue.snapshot(store, SEALED).sealing
    assert sealing is not None
    recovery, drill = (each.recipient for each in sealing.keys_that_last)
    return KeySettings((recovery,), drill, FIXTURE / "drill.key")


def verify(store: StoreSettings, snapshot: str) -> Outcome:
    host = replace(
        HostSettings(), database=DatabaseSettings(programs=available_majors()[16], system_user=None)
    )
    context = Context(1, 1, host, (store,), NoJournal(), SystemClock(), keys=keys(store))
    args = verify_backup.Args(snapshot)
    return verify_backup.run(context, args, verify_backup.plan(context, args))


def test_they_are_listed_with_what_was_noted_of_them(store: StoreSettings) -> None:
    found = catalogue.list_snapshots(store)

    assert [each.id for each in found] == [SEALED_LATER, SEALED, OPEN]
    assert [each.job for each in found] == [3, 2, 1]
    assert {each.zulip_version for each in found} == {"9.2"}
    assert [each.uploads for each in found] == [4, 3, 3]
    assert found[2].standing.verified_at == datetime(2026, 11, 25, 2, 0, 4, tzinfo=UTC)
    assert all(each.standing.is_verified for each in found)


@pytest.mark.parametrize("snapshot", [OPEN, SEALED, SEALED_LATER])
def test_they_are_read_back_whole(store: StoreSettings, snapshot: str) -> None:
    outcome = verify(store, snapshot)

    assert "In old it was read back whole (" in outcome.sentence


def test_damage_in_them_is_noticed_as_in_any_other(store: StoreSettings) -> None:
    assert store.path is not None
    path = store.path / "objects" / SEALED / "database-000001.age"
    data = bytearray(path.read_bytes())
    data[2000] ^= 4
    path.write_bytes(data)

    with pytest.raises(HostFailure, match=r"database-000001\.age is not what was written"):
        verify(store, SEALED)


def test_a_new_backup_builds_on_them(store: StoreSettings) -> None:
    said: list[str] = []

    base = find_base(open_store(store), keys_at_hand(keys(store), said.append), said.append)

    assert base is not None
    assert base.snapshot.id == SEALED_LATER
    assert [line.snapshot for line in base.lines()].count(SEALED) == 3
    assert said == []


def test_what_a_newer_program_wrote_is_not_called_damaged(store: StoreSettings) -> None:
    assert store.path is not None
    path = store.path / repository.commit_key(SEALED_LATER)
    record = json.loads(path.read_text())
    path.write_bytes(repository.encode({**record, "format": 99}))

    with pytest.raises(HostFailure, match="was written by a newer zulip-ops") as failure:
        verify(store, SEALED_LATER)

    assert failure.value.reason is Reason.STORE_FAILED
    assert list(open_store(store).entries("damaged/")) == []
    assert len(catalogue.list_snapshots(store)) == 3


def test_a_repository_of_a_newer_program_is_left_alone(store: StoreSettings) -> None:
    assert store.path is not None
    path = store.path / repository.REPOSITORY
    path.write_text('{"format": 99}')

    with pytest.raises(HostFailure, match="of a format that this program does not know"):
        repository.prepare(open_store(store), datetime.now(UTC))

    assert path.read_text() == '{"format": 99}'
