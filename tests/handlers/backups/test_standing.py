"""What a store's notes say of its snapshots, and when a copy counts as proven."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.backups.standing import (
    UNKNOWN,
    Note,
    Standing,
    add_note,
    newest_notes,
    note_key,
    standings,
)
from handlers.errors import HostFailure
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from handlers.host.store_contract import Store

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FIRST = "20261124T020000Z-00000001"
SECOND = "20261125T020000Z-00000002"

moments = st.none() | st.integers(0, 5).map(lambda hours: NOW + timedelta(hours=hours))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(StoreSettings(name="local", path=tmp_path / "store"))


def test_a_store_without_notes_says_nothing_of_any_snapshot(store: Store) -> None:
    assert standings(store) == {}


def test_the_newest_note_of_each_kind_counts_for_its_own_snapshot(store: Store) -> None:
    add_note(store, Note.VERIFIED, FIRST, NOW, {})
    add_note(store, Note.VERIFIED, FIRST, NOW + timedelta(hours=2), {})
    add_note(store, Note.VERIFIED, FIRST, NOW + timedelta(hours=1), {})
    add_note(store, Note.DAMAGED, SECOND, NOW, {"found": "a hole"})

    assert standings(store) == {
        FIRST: Standing(verified_at=NOW + timedelta(hours=2)),
        SECOND: Standing(damaged_at=NOW),
    }
    assert newest_notes(store, Note.VERIFIED) == {
        FIRST: note_key(Note.VERIFIED, FIRST, NOW + timedelta(hours=2))
    }


@pytest.mark.parametrize(
    "key",
    [
        "proven/not-an-id/20261125T120000Z.json",
        f"proven/{FIRST}/yesterday.json",
        f"proven/{FIRST}/20261125T120000Z.json/more.json",
    ],
)
def test_what_is_no_note_of_ours_proves_nothing(store: Store, key: str) -> None:
    store.put(key, b"{}")

    assert standings(store) == {}


def test_a_note_is_never_overwritten(store: Store) -> None:
    add_note(store, Note.PROVEN, FIRST, NOW, {"tables": 3})

    with pytest.raises(HostFailure, match="exists already"):
        add_note(store, Note.PROVEN, FIRST, NOW, {"tables": 4})


def test_every_copy_is_unproven_until_a_drill_restored_it() -> None:
    assert not UNKNOWN.is_proven
    assert not Standing(verified_at=NOW).is_proven


@given(proven=moments, refuted=moments, damaged=moments, verified=moments)
def test_a_copy_is_proven_while_nothing_newer_speaks_against_it(
    proven: datetime | None,
    refuted: datetime | None,
    damaged: datetime | None,
    verified: datetime | None,
) -> None:
    standing = Standing(
        proven_at=proven, refuted_at=refuted, damaged_at=damaged, verified_at=verified
    )

    # In the same second, what speaks against it counts; and what was damaged has to be read whole
    # again, for a drill may look at samples alone.
    expected = (
        proven is not None
        and (refuted is None or proven > refuted)
        and (damaged is None or (proven > damaged and verified is not None and verified > damaged))
    )
    assert standing.is_proven is expected
