"""A real database for each test: a copy of one that was migrated once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from state.database import Database, Transaction, open_database


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("state") / "migrated.sqlite"
    open_database(path).close()
    return path


@pytest.fixture
def path(migrated_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy2(migrated_file, tmp_path / "zulip-ops.sqlite"))


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    database = open_database(path)
    yield database
    database.close()


@pytest.fixture
def tx(db: Database) -> Iterator[Transaction]:
    """One write transaction for the whole test."""
    with db.write() as transaction:
        yield transaction
