"""What a new backup builds on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.retention.tiny import TinyCopies
from handlers.backups.earlier_uploads import find_base
from handlers.backups.repository import INDEX
from handlers.backups.retention import marks
from handlers.backups.sealing.keys import Keys
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyCopies:
    return TinyCopies(open_store(StoreSettings(name="local", path=tmp_path / "copies")))


def base_of(tiny: TinyCopies) -> str | None:
    base = find_base(tiny.store, Keys(), lambda _: None)
    return None if base is None else base.snapshot.id


def test_the_newest_verified_copy_is_built_on(tiny: TinyCopies) -> None:
    assert base_of(tiny) is None
    verified = tiny.add(NIGHT)
    tiny.add(NIGHT + timedelta(days=1), verified=False)

    assert base_of(tiny) == verified


def test_a_copy_that_is_to_be_removed_is_not_built_on(tiny: TinyCopies) -> None:
    older, newer = tiny.add(NIGHT), tiny.add(NIGHT + timedelta(days=1))
    marks.mark(tiny.store, newer, NIGHT + timedelta(days=2), 40, "by rule")
    assert base_of(tiny) == older

    marks.take_mark_back(tiny.store, newer, NIGHT + timedelta(days=3), 41, "kept")
    assert base_of(tiny) == newer


def test_one_whose_index_is_missing_is_passed_over(tiny: TinyCopies) -> None:
    """Otherwise no backup would ever succeed again there."""
    older, newer = tiny.add(NIGHT), tiny.add(NIGHT + timedelta(days=1))
    tiny.lose(newer, INDEX)

    assert base_of(tiny) == older
