"""The revisions lead to the very tables that the models describe."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from state import installation, migrations, models
from state.database import Database, open_database
from state.migrations import environment
from tests.state.processes import run_python


def test_head_is_the_newest_revision() -> None:
    scripts = environment.scripts_directory()
    assert scripts.get_heads() == [migrations.HEAD]


def test_revisions_are_numbers_that_sort() -> None:
    revisions = [script.revision for script in environment.scripts_directory().walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(len(revision) == 4 and revision.isdigit() for revision in revisions)


def test_the_models_describe_the_migrated_file(migrated_file: Path, tmp_path: Path) -> None:
    modelled = tmp_path / "modelled.sqlite"
    engine = create_engine(f"sqlite:///{modelled}")
    models.metadata.create_all(engine)
    engine.dispose()
    assert structure(migrated_file) == structure(modelled)


def test_alembic_itself_sees_no_difference(db: Database) -> None:
    with db.read() as tx:
        assert compare_metadata(MigrationContext.configure(tx), models.metadata) == []


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "zulip-ops.sqlite"

    def fail_at_the_end(connection: Any, revision: str) -> None:
        upgrade(connection, revision)
        raise ZeroDivisionError

    upgrade = environment.upgrade
    monkeypatch.setattr(environment, "upgrade", fail_at_the_end)
    with pytest.raises(ZeroDivisionError):
        open_database(path)
    assert structure(path) == {}
    monkeypatch.undo()
    open_database(path).close()
    assert structure(path) != {}


def test_each_installation_gets_its_own_host_id(tmp_path: Path) -> None:
    ids = set()
    for name in ("one", "two"):
        with closing(open_database(tmp_path / name)) as db, db.read() as tx:
            ids.add(installation.host_id(tx))
            assert installation.epoch(tx) == 1
    assert len(ids) == 2
    assert all(len(found) == 32 and int(found, 16) for found in ids)


def test_it_migrates_from_any_working_directory(tmp_path: Path) -> None:
    place = tmp_path / "a %s place"
    place.mkdir()
    shutil.copytree(Path(models.__file__).parent, place / "state")
    code = (
        f"import sys, os; sys.path.insert(0, {str(place)!r}); os.chdir('/');"
        "from pathlib import Path; from state.database import open_database;"
        f"open_database(Path({str(tmp_path / 'db')!r})).close()"
    )
    run_python("-I", "-c", code)
    assert structure(tmp_path / "db") != {}


def structure(path: Path) -> dict[str, Any]:
    """All that SQLite knows of the tables, apart from the wording of their statements."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'"
            " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
        ).fetchall()
        found: dict[str, Any] = {
            name: {
                "kind": kind,
                "columns": rows(connection, f"PRAGMA table_xinfo({name})"),
                "references": rows(connection, f"PRAGMA foreign_key_list({name})"),
                "indexes": {
                    index[1]: (index[2:], rows(connection, f"PRAGMA index_xinfo('{index[1]}')"))
                    for index in rows(connection, f"PRAGMA index_list({name})")
                },
            }
            for name, *kind in tables
        }
        # Conditions of indexes, checks, AUTOINCREMENT and triggers stand in the statements alone.
        statements = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
            " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
        ).fetchall()
        if found:
            found["statements"] = {name: "".join(sql.split()) for name, sql in statements}
        return found


def rows(connection: sqlite3.Connection, query: str) -> list[Any]:
    return sorted(connection.execute(query).fetchall(), key=str)
