"""The chain: append-only, and any change of any byte is found and named."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from state import audit_log
from state.audit_log import FirstBad
from state.database import Database, Transaction, open_database
from tests.state.sample_rows import NOW, after

TEXTS = ("at", "actor", "action", "detail", "previous_hash", "hash")


def append_some(tx: Transaction, count: int = 5) -> None:
    for number in range(count):
        audit_log.append(tx, after(number), "user/11", "counted", {"number": number, "ö": "🐙"})


def test_each_entry_carries_the_hash_of_the_one_before(tx: Transaction) -> None:
    append_some(tx, 3)
    third, second, first = audit_log.page(tx)
    assert [entry.seq for entry in (first, second, third)] == [1, 2, 3]
    assert first.previous_hash == audit_log.GENESIS
    assert (second.previous_hash, third.previous_hash) == (first.hash, second.hash)
    assert audit_log.head(tx) == third
    assert audit_log.verify(tx) is None


def test_anybody_can_compute_the_hash(tx: Transaction) -> None:
    audit_log.append(tx, NOW, "root", "said", {"b": 1, "a": "ö"})
    stored = tx.exec_driver_sql(f"SELECT seq, {', '.join(TEXTS)} FROM audit_entries").mappings()
    row = dict(stored.one())
    own = row.pop("hash")
    content = json.dumps(row, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(content.encode()).hexdigest() == own


def test_an_empty_chain_holds(tx: Transaction) -> None:
    assert audit_log.verify(tx) is None
    assert audit_log.head(tx) is None


def test_text_that_utf_8_cannot_carry_does_not_break_the_chain(tx: Transaction) -> None:
    audit_log.append(tx, NOW, "user/\ud800", "said", {"text": "\udfff\x00"})
    assert audit_log.verify(tx) is None


def test_pages_return_everything_once(tx: Transaction) -> None:
    append_some(tx, 7)
    found, before = [], None
    while page := audit_log.page(tx, before_seq=before, limit=3):
        found += [entry.seq for entry in page]
        before = found[-1]
    assert found == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("recursive_triggers", ["ON", "OFF"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'nobody' WHERE seq = 2",
        "UPDATE OR REPLACE audit_entries SET seq = 3 WHERE seq = 2",
        "DELETE FROM audit_entries WHERE seq = 5",
        "DELETE FROM audit_entries",
        "INSERT OR REPLACE INTO audit_entries SELECT seq, at, 'nobody', action, detail,"
        " previous_hash, hash FROM audit_entries WHERE seq = 5",
        "REPLACE INTO audit_entries SELECT seq, at, 'nobody', action, detail,"
        " previous_hash, 'other' FROM audit_entries WHERE seq = 2",
        "INSERT INTO audit_entries SELECT 7, at, actor, action, detail, hash, 'x'"
        " FROM audit_entries WHERE seq = 5",
        "INSERT INTO audit_entries SELECT 6, at, actor, action, detail, 'x', 'y'"
        " FROM audit_entries WHERE seq = 5",
    ],
)
def test_entries_are_never_rewritten(db: Database, statement: str, recursive_triggers: str) -> None:
    with db.write() as tx:
        append_some(tx)
    # A connection of somebody else, who did not set our pragmas.
    with closing(sqlite3.connect(db.path)) as other:
        other.execute(f"PRAGMA recursive_triggers={recursive_triggers}")
        with pytest.raises(sqlite3.IntegrityError, match="audit entr"):
            other.execute(statement)
        other.commit()
    with db.read() as tx:
        assert [entry.actor for entry in audit_log.page(tx)] == ["user/11"] * 5
        assert audit_log.verify(tx) is None


def test_our_own_connection_cannot_either(tx: Transaction) -> None:
    append_some(tx)
    with pytest.raises(IntegrityError, match="never removed"):
        tx.exec_driver_sql("DELETE FROM audit_entries WHERE seq = 1")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seq=st.integers(1, 5),
    column=st.sampled_from(TEXTS),
    position=st.integers(0, 63),
    flip=st.integers(1, 255),
)
def test_any_flipped_byte_of_any_row_is_found(
    db: Database, seq: int, column: str, position: int, flip: int
) -> None:
    with unguarded(db) as tx:
        query = f"SELECT CAST({column} AS BLOB) FROM audit_entries WHERE seq = {seq}"
        content = bytearray(tx.exec_driver_sql(query).scalar_one())
        content[position % len(content)] ^= flip
        tx.exec_driver_sql(
            f"UPDATE audit_entries SET {column} = CAST(? AS TEXT) WHERE seq = {seq}",
            (bytes(content),),
        )
        found = audit_log.verify(tx)
    assert found is not None
    assert found.seq == seq
    assert str(seq) in found.sentence


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("DELETE FROM audit_entries WHERE seq = 3", 3),
        ("DELETE FROM audit_entries WHERE seq = 1", 1),
        ("UPDATE audit_entries SET seq = 9 WHERE seq = 5", 5),
        ("UPDATE audit_entries SET seq = -seq", 1),
        ("UPDATE audit_entries SET detail = ' ' || detail WHERE seq = 4", 4),
    ],
)
def test_missing_and_moved_entries_are_named(db: Database, statement: str, seq: int) -> None:
    with unguarded(db) as tx:
        tx.exec_driver_sql(statement)
        found = audit_log.verify(tx)
    assert found is not None
    assert found.seq == seq


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    what=st.sampled_from(["delete", "insert", "swap", "cut"]),
    seq=st.integers(1, 5),
    other=st.integers(1, 5),
    renumber=st.booleans(),
)
def test_entries_deleted_inserted_or_swapped_are_found(
    db: Database, what: str, seq: int, other: int, renumber: bool
) -> None:
    """By the chain, or, where the end is missing, by a head that was kept elsewhere."""
    with unguarded(db) as tx:
        kept = audit_log.head_hash(tx)
        assert kept is not None
        rows = [list(row) for row in tx.exec_driver_sql("SELECT * FROM audit_entries ORDER BY seq")]
        before = [tuple(row) for row in rows]
        tamper(rows, what, seq - 1, other - 1)
        if renumber:
            rows = [[number, *row[1:]] for number, row in enumerate(rows, 1)]
        tx.exec_driver_sql("DELETE FROM audit_entries")
        for row in rows:
            tx.exec_driver_sql("INSERT INTO audit_entries VALUES (?, ?, ?, ?, ?, ?, ?)", tuple(row))
        changed = [tuple(row) for row in rows] != before
        found = audit_log.verify(tx) is not None or audit_log.hash_of(tx, kept[0]) != kept[1]
    assert found == changed


def tamper(rows: list[list[object]], what: str, place: int, other: int) -> None:
    match what:
        case "delete":
            del rows[place]
        case "cut":
            del rows[place:]
        case "insert":
            forged = [*rows[place]]
            forged[0], forged[2], forged[6] = 100 + place, "nobody", "f" * 64
            rows.insert(place, forged)
        case "swap":
            # Their numbers stay where they were.
            first, second = rows[place], rows[other]
            rows[place], rows[other] = [first[0], *second[1:]], [second[0], *first[1:]]


def test_a_page_that_cannot_be_read_says_so(db: Database) -> None:
    with unguarded(db) as tx:
        tx.exec_driver_sql("UPDATE audit_entries SET detail = '{' WHERE seq = 3")
        with pytest.raises(audit_log.UnreadableLogError):
            audit_log.page(tx)


def test_an_entry_forged_with_its_own_hash_breaks_the_next_link(db: Database) -> None:
    with unguarded(db) as tx:
        row = dict(
            tx.exec_driver_sql(f"SELECT seq, {', '.join(TEXTS)} FROM audit_entries WHERE seq = 2")
            .mappings()
            .one()
        )
        row.pop("hash")
        row["actor"] = "user/12"
        forged = hashlib.sha256(
            json.dumps(row, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
        tx.exec_driver_sql(
            "UPDATE audit_entries SET actor = 'user/12', hash = ? WHERE seq = 2", (forged,)
        )
        found = audit_log.verify(tx)
    assert found == FirstBad(3, "Entry 3 does not follow the entry before it.")


def test_no_byte_flipped_in_the_file_changes_what_is_believed(db: Database, tmp_path: Path) -> None:
    """Damage of the disk: either every entry reads as it was written, or it is found."""
    with db.write() as tx:
        append_some(tx)
        written = audit_log.page(tx)
        first_page = tx.exec_driver_sql(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'audit_entries'"
        ).scalar_one()
    db.close()
    content = db.path.read_bytes()
    damaged = tmp_path / "damaged.sqlite"
    believed = 0
    for offset in range((first_page - 1) * 4096, first_page * 4096, 37):
        changed = bytearray(content)
        changed[offset] ^= 0x15
        damaged.write_bytes(changed)
        with closing(open_database(damaged)) as broken, broken.read() as tx:
            if audit_log.verify(tx) is None:
                believed += 1
                assert audit_log.page(tx) == written
    assert 0 < believed < 111


@contextmanager
def unguarded(db: Database) -> Iterator[Transaction]:
    """Five entries without their guards, as for somebody who owns the file; rolled back."""
    with db.write() as tx:
        savepoint = tx.begin_nested()
        append_some(tx)
        for name in ("never_change", "never_vanish", "form_a_chain"):
            tx.exec_driver_sql(f"DROP TRIGGER audit_entries_{name}")
        yield tx
        savepoint.rollback()
