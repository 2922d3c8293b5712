"""What the tests of decisions are given."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.database import open_database
from tests.bot.deciding.waiting_plan import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = open_database(tmp_path / "zulip-ops.db")
    with database.write() as tx:
        yield Desk(tx)
    database.close()
