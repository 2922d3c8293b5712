"""Whether a copy was restored by a drill lately is judged from what lies in the stores."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.backups.standing import Note, add_note
from handlers.checks.contract import Context, Finding, Level
from handlers.checks.drills import observe
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from tests.handlers.checks.conftest import NOW
from tests.handlers.checks.test_backups import commit

DAY = timedelta(days=1)


@pytest.fixture
def local(tmp_path: Path) -> StoreSettings:
    (tmp_path / "backups").mkdir()
    return StoreSettings("local", path=tmp_path / "backups")


@pytest.fixture
def other(tmp_path: Path) -> StoreSettings:
    (tmp_path / "other").mkdir()
    return StoreSettings("other", path=tmp_path / "other")


@pytest.fixture
def gone(tmp_path: Path) -> StoreSettings:
    """One whose directory is not there."""
    return StoreSettings("gone", path=tmp_path / "gone")


def look(context: Context, *stores: StoreSettings, every_days: int = 8) -> Finding:
    drills = replace(context.host.drills, every_days=every_days)
    return observe(replace(context, stores=stores, host=replace(context.host, drills=drills)))


def drilled(store: StoreSettings, snapshot: str, kind: Note, age: timedelta) -> None:
    add_note(open_store(store), kind, snapshot, NOW - age, {})


def test_without_copies_there_is_nothing_to_warn_of(context: Context, local: StoreSettings) -> None:
    finding = look(context, local)

    assert finding.level is Level.OK
    assert finding.sentence == "There is no copy yet that could be drilled."


def test_copies_that_were_never_drilled_are_a_warning(
    context: Context, local: StoreSettings
) -> None:
    commit(local, DAY)

    finding = look(context, local)

    assert finding.level is Level.WARNING
    assert finding.sentence == "No copy was ever restored by a drill: all are unproven."
    assert "Run `drill`" in (finding.hint or "")


def test_a_drill_that_passed_lately_is_well(context: Context, local: StoreSettings) -> None:
    snapshot = commit(local, 2 * DAY)
    drilled(local, snapshot, Note.PROVEN, DAY)

    finding = look(context, local)

    assert finding.level is Level.OK
    assert finding.sentence == (
        f"The last drill, on 2026-11-22 13:00 UTC, restored copy {snapshot} from local."
    )
    assert finding.values["last_passing_at"] == "2026-11-22T13:00:00+00:00"


@pytest.mark.parametrize(("age", "level"), [(8 * DAY, Level.OK), (9 * DAY, Level.WARNING)])
def test_a_drill_that_passed_long_ago_is_a_warning(
    context: Context, local: StoreSettings, age: timedelta, level: Level
) -> None:
    drilled(local, commit(local, 9 * DAY), Note.PROVEN, age)

    finding = look(context, local)

    assert finding.level is level
    assert ("more than 8 days ago" in finding.sentence) == (level is Level.WARNING)


def test_a_drill_that_failed_last_is_critical(context: Context, local: StoreSettings) -> None:
    snapshot = commit(local, 3 * DAY)
    drilled(local, snapshot, Note.PROVEN, 2 * DAY)
    drilled(local, snapshot, Note.REFUTED, DAY)

    finding = look(context, local)

    assert finding.level is Level.CRITICAL
    assert f"failed: copy {snapshot} in local is unproven." in finding.sentence
    assert finding.values["last_passed"] is False


def test_a_drill_that_passed_after_one_that_failed_is_well(
    context: Context, local: StoreSettings
) -> None:
    drilled(local, commit(local, 3 * DAY), Note.REFUTED, 2 * DAY)
    drilled(local, commit(local, DAY), Note.PROVEN, timedelta(hours=1))

    assert look(context, local).level is Level.OK


def test_the_last_drill_of_all_stores_decides(
    context: Context, local: StoreSettings, other: StoreSettings
) -> None:
    drilled(local, commit(local, DAY), Note.PROVEN, timedelta(hours=2))
    drilled(other, commit(other, DAY), Note.REFUTED, timedelta(hours=1))

    assert look(context, local, other).level is Level.CRITICAL


@pytest.mark.parametrize("age", [None, timedelta(days=20)])
def test_what_is_missed_may_lie_in_a_store_that_cannot_be_read(
    context: Context, local: StoreSettings, gone: StoreSettings, age: timedelta | None
) -> None:
    snapshot = commit(local, DAY)
    if age is not None:
        drilled(local, snapshot, Note.PROVEN, age)

    finding = look(context, local, gone)

    assert finding.level is Level.UNKNOWN
    assert finding.sentence.startswith("The store gone could not be read: its directory")


def test_where_no_store_can_be_read_nothing_is_known(context: Context, gone: StoreSettings) -> None:
    assert look(context, gone).level is Level.UNKNOWN


def test_a_drill_that_passed_is_well_although_another_store_cannot_be_read(
    context: Context, local: StoreSettings, gone: StoreSettings
) -> None:
    drilled(local, commit(local, DAY), Note.PROVEN, timedelta(hours=2))

    finding = look(context, local, gone)

    assert finding.level is Level.OK
    assert " from local. The store gone could not be read: " in finding.sentence


def test_a_failed_drill_is_told_although_another_store_cannot_be_read(
    context: Context, local: StoreSettings, gone: StoreSettings
) -> None:
    drilled(local, commit(local, DAY), Note.REFUTED, timedelta(hours=2))

    assert look(context, local, gone).level is Level.CRITICAL


def test_where_no_drills_are_expected_none_are_missed(
    context: Context, local: StoreSettings
) -> None:
    commit(local, DAY)

    assert look(context, local, every_days=0) == Finding(
        Level.OK,
        "No drills are expected here.",
        {"last_at": None, "last_passed": None, "last_passing_at": None},
    )
