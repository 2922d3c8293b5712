"""The file itself: who may read it, what is durable, and what is said when it cannot be used."""

import os
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError, IntegrityError

from state import connections, installation, models
from state.database import (
    Database,
    DatabaseBusy,
    DatabaseUnusable,
    Transaction,
    open_database,
    open_read_only,
)
from tests.state.processes import run_python
from tests.state.sample_rows import make_job


def test_a_new_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new ? #1 %41.sqlite"
    with closing(open_database(path)) as db, db.write() as tx:
        installation.put(tx, "a", "b")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes[path.name] == 0o600
    assert set(modes.values()) == {0o600}, "the write-ahead log holds the same secrets"


@pytest.mark.parametrize("way", ["read", "write"])
def test_every_connection_is_durable_and_strict(db: Database, way: str) -> None:
    with getattr(db, way)() as tx:
        found = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "busy_timeout",
                "recursive_triggers",
            )
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "recursive_triggers": 1,
    }


def test_every_table_is_strict(tx: Transaction) -> None:
    tables = tx.exec_driver_sql("PRAGMA table_list").mappings().all()
    ours = {row["name"]: row["strict"] for row in tables if row["name"] in models.metadata.tables}
    assert set(ours) == set(models.metadata.tables)
    assert set(ours.values()) == {1}


def test_a_word_in_a_number_column_is_refused(tx: Transaction) -> None:
    job = make_job(tx)
    with pytest.raises(IntegrityError, match="cannot store TEXT value in INTEGER column"):
        tx.exec_driver_sql(f"UPDATE jobs SET epoch = 'first' WHERE id = {job.id}")


def test_what_raises_leaves_nothing_behind(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        raise ZeroDivisionError(make_job(tx))
    with db.read() as tx:
        assert tx.exec_driver_sql("SELECT COUNT(*) FROM jobs").scalar_one() == 0
        assert tx.exec_driver_sql("SELECT COUNT(*) FROM audit_entries").scalar_one() == 0


def fail_half_way(tx: Transaction) -> None:
    installation.put(tx, "part", "2")
    raise ZeroDivisionError


def test_a_part_that_raises_is_undone_and_the_rest_is_kept(db: Database) -> None:
    with db.write() as tx:
        installation.put(tx, "before", "1")
        with pytest.raises(ZeroDivisionError), db.part(tx):
            fail_half_way(tx)
        with db.part(tx):
            installation.put(tx, "after", "3")
    with db.read() as tx:
        found = [installation.get(tx, name) for name in ("before", "part", "after")]
    assert found == ["1", None, "3"]


def test_nothing_can_be_written_while_reading(db: Database) -> None:
    with pytest.raises(DatabaseUnusable), db.read() as tx:
        installation.put(tx, "a", "b")
    with db.read() as tx:
        assert installation.get(tx, "a") is None


def test_a_reader_sees_one_moment_while_others_write(db: Database) -> None:
    with db.read() as earlier:
        assert installation.get(earlier, "a") is None
        with db.write() as tx:
            installation.put(tx, "a", "b")
        assert installation.get(earlier, "a") is None
    with db.read() as later:
        assert installation.get(later, "a") == "b"


def test_a_second_write_in_the_same_thread_is_a_mistake_not_a_deadlock(db: Database) -> None:
    with db.write(), pytest.raises(RuntimeError, match="inside"), db.write():
        pass
    with db.write() as tx:
        installation.put(tx, "a", "b")


def test_threads_write_one_after_the_other(db: Database) -> None:
    def count_up() -> None:
        for _ in range(20):
            with db.write() as tx:
                installation.put(tx, "n", str(int(installation.get(tx, "n") or "0") + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as tx:
        assert installation.get(tx, "n") == "80"


def test_a_lock_held_elsewhere_is_told_as_busy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = [pragma for pragma in connections.PRAGMAS if "busy" not in pragma]
    monkeypatch.setattr(connections, "PRAGMAS", ("busy_timeout=50", *patient))
    with closing(open_database(path)) as db, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match="locked by another process"), db.write():
            pass
        other.rollback()
        with db.write() as tx:
            installation.put(tx, "a", "b")


def test_read_only_opens_next_to_a_writer_and_writes_nothing(db: Database) -> None:
    with db.write() as tx:
        installation.put(tx, "a", "b")
    with closing(open_read_only(db.path)) as other:
        with other.read() as tx:
            assert installation.get(tx, "a") == "b"
        with pytest.raises(RuntimeError, match="read only"), other.write():
            pass


def test_read_only_does_not_make_a_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="cannot be opened"):
        open_read_only(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_read_only_refuses_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    with pytest.raises(DatabaseUnusable, match="older than this program"):
        open_read_only(path)


def test_opening_does_not_look_at_alembic_when_nothing_is_to_be_done(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from state.database import open_database;"
        f"open_database(Path({str(path)!r})).close();"
        "print(*(m for m in ('alembic', 'sqlalchemy.orm') if m in sys.modules))"
    )
    assert run_python("-c", code).strip() == ""


def test_a_sound_file_has_no_problem(db: Database) -> None:
    assert db.integrity_problem() is None


def test_a_row_that_refers_to_nothing_is_a_problem(db: Database) -> None:
    with closing(sqlite3.connect(db.path)) as careless, careless:
        careless.execute("INSERT INTO runs VALUES (7, 1, 'run', 'ended', '', '', '', '', '', 0)")
    assert db.integrity_problem() == "a row of runs refers to nothing"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"Dear operator, this is a letter.\n" * 200, "is not a database"),
        (b"SQLite format 3\x00" + b"\xff" * 4096, "is not a database"),
    ],
    ids=["text", "header-then-noise"],
)
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "zulip-ops.sqlite"
    path.write_bytes(content)
    with pytest.raises(DatabaseUnusable) as caught:
        open_database(path)
    assert_sentence(caught.value, path, sentence)
    assert path.read_bytes() == content, "it is somebody's, so it is left alone"


def test_a_damaged_file_is_told_where_it_is_read(db: Database, tmp_path: Path) -> None:
    with db.write() as tx:
        for _ in range(200):
            make_job(tx, command="x" * 500)
    db.close()
    damaged = tmp_path / "damaged.sqlite"
    content = bytearray(db.path.read_bytes())
    middle = len(content) // 2
    content[middle:-4096] = b"\xa5" * (len(content) - 4096 - middle)
    damaged.write_bytes(content)

    with closing(open_database(damaged)) as broken:
        assert broken.integrity_problem() is not None
        with pytest.raises(DatabaseUnusable) as caught, broken.read() as tx:
            tx.exec_driver_sql("SELECT * FROM jobs").all()
    assert_sentence(caught.value, damaged, "is damaged")


def test_a_truncated_file_is_damaged(db: Database, tmp_path: Path) -> None:
    with db.write() as tx:
        for _ in range(50):
            make_job(tx)
    db.close()
    half = tmp_path / "half.sqlite"
    content = db.path.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    with pytest.raises(DatabaseUnusable) as caught:
        use_all(half)
    assert_sentence(caught.value, half, "is damaged")


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "zulip-ops.sqlite"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(DatabaseUnusable) as caught:
        open_database(path)
    assert_sentence(caught.value, path, "belongs to another program")


def test_a_database_of_a_newer_program_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9000'")
    for open_it in (open_database, open_read_only):
        with pytest.raises(DatabaseUnusable) as caught:
            open_it(path)
        assert_sentence(caught.value, path, "newer zulip-ops (revision 9000")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "zulip-ops.sqlite"
    with pytest.raises(DatabaseUnusable) as caught:
        open_database(path)
    assert_sentence(caught.value, path, "No such file or directory")


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        open_database(tmp_path)
    assert_sentence(caught.value, tmp_path, "is not a file")


@pytest.mark.parametrize("there_before", [False, True])
def test_a_folder_that_may_not_be_written_is_named(there_before: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "zulip-ops.sqlite"
        if there_before:
            open_database(path).close()
            path.chmod(0o444)
        folder.chmod(0o555)
        with without_privileges(), pytest.raises(DatabaseUnusable) as caught:
            open_database(path)
        folder.chmod(0o755)
    assert_sentence(caught.value, path, "that runs zulip-ops")


def test_a_file_that_may_be_read_and_not_written_is_told_before_the_first_write() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "zulip-ops.sqlite"
        open_database(path).close()
        path.chmod(0o444)
        Path(name).chmod(0o777)
        refused = pytest.raises(DatabaseUnusable)
        with without_privileges(), closing(open_database(path)) as db, refused as caught:
            db.check_writable()
    assert_sentence(caught.value, path, "may not be written")


def test_to_look_whether_it_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "zulip-ops.sqlite"
    open_database(path).close()
    before = path.read_bytes()
    with closing(open_database(path)) as db:
        db.check_writable()
    assert path.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_told_and_what_was_acknowledged_stays(small_disk: Path) -> None:
    path = small_disk / "zulip-ops.sqlite"
    acknowledged: list[int] = []
    with closing(open_database(path)) as db:
        with pytest.raises(DatabaseUnusable) as caught:
            fill_up(db, acknowledged)
        assert_sentence(caught.value, path, "the disk is full")
        with db.read() as tx:
            assert tx.exec_driver_sql("SELECT COUNT(*) FROM jobs").scalar_one() == len(acknowledged)
        assert db.integrity_problem() is None
    with closing(open_database(path)) as again, again.read() as tx:
        assert tx.exec_driver_sql("SELECT COUNT(*) FROM jobs").scalar_one() == len(acknowledged)


def test_after_a_full_disk_it_goes_on_by_itself(db: Database) -> None:
    with db.write() as tx:
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(DatabaseUnusable, match="the disk is full"), db.write() as tx:
        make_job(tx, command="x" * 100_000)
    with db.write() as tx:
        make_job(tx, command="x" * 100_000)
    assert db.integrity_problem() is None


def test_a_mistake_of_ours_is_not_blamed_on_the_disk(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as tx:
        tx.execute(insert(models.cursor).values(only=2, last_event_id=0))
    with pytest.raises(DBAPIError, match="no such table"), db.read() as tx:
        tx.exec_driver_sql("SELECT * FROM nowhere")


def fill_up(db: Database, acknowledged: list[int]) -> None:
    while True:
        with db.write() as tx:
            job = make_job(tx, command="x" * 20_000)
        acknowledged.append(job.id)


def use_all(path: Path) -> None:
    with closing(open_database(path)) as db, db.read() as tx:
        for name in models.metadata.tables:
            tx.exec_driver_sql(f"SELECT * FROM {name}").all()


def assert_sentence(error: DatabaseUnusable, path: Path, part: str) -> None:
    assert str(path) in error.message
    assert part in error.message
    assert error.message.endswith(".")
    assert "\n" not in error.message


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may write everywhere; for a moment, be nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
