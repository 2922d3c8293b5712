"""What speaks against deleting a copy."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers.backups.retention.copies import Copy
from handlers.backups.retention.objections import objections
from handlers.backups.retention.survey import Survey
from handlers.host.settings import KeepSettings, RetentionSettings
from tests.handlers.backups.retention.sample_copies import copy

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0)
KEEP = KeepSettings(daily=1)


def against(copies: list[Copy], which: Copy, proven: int | None = 1) -> tuple[str, ...]:
    rules = None if proven is None else RetentionSettings(KEEP, proven=proven)
    return objections(Survey("local", tuple(copies), frozenset()), which, rules, NOW)


def test_the_newest_is_not_deleted_and_what_is_not_needed_is() -> None:
    copies = [copy(0, "verified"), copy(1), copy(2), copy(3, "verified")]

    assert against(copies, copies[0]) == ("it is the newest copy there",)
    assert against(copies, copies[1]) == ("it is one of the last 1 proven copies there",)
    assert against(copies, copies[2]) == ()
    assert against(copies, copies[3]) == ()


def test_what_the_next_backup_builds_on_is_not_deleted() -> None:
    copies = [copy(0, "stored"), copy(1, "verified"), copy(2, "verified"), copy(3)]

    assert against(copies, copies[1]) == ("it is the newest verified copy there",)
    assert against(copies, copies[2]) == ()


@pytest.mark.parametrize(
    ("proven", "said"),
    [
        (2, "it is one of the last 2 proven copies there"),
        (None, "it is one of the last 2 proven copies there"),
        (0, "it is one of the last 2 verified copies there"),
    ],
)
def test_the_last_good_ones_are_counted_as_the_rules_have_it(proven: int | None, said: str) -> None:
    copies = [copy(0), copy(1), copy(2)]

    assert against(copies, copies[1], proven) == (said,)
    assert against(copies, copies[2], proven) == ()


def test_the_newest_copy_that_lacks_nothing_is_not_deleted() -> None:
    lacking = copy(1, is_consistent=False)
    copies = [copy(0, is_consistent=False), lacking, copy(2, "verified"), copy(3)]

    said = ("it is the newest copy there that lacks no file which its database names",)
    assert against(copies, copies[2]) == said
    assert against(copies, copies[3]) == ()
    assert against([copies[0], lacking], lacking) == ()


def test_a_part_is_nobodys_newest() -> None:
    copies = [copy(0, is_part=True), copy(1), copy(2)]

    assert against(copies, copies[0]) == ()
    assert against(copies, copies[1])[0] == "it is the newest copy there"


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (HOUR + timedelta(minutes=1), ("it is kept until 2026-11-25 12:01 UTC",)),
        (HOUR, ()),
        (None, ()),
    ],
)
def test_a_kept_copy_is_deleted_once_that_is_over(
    until: datetime | None, said: tuple[str, ...]
) -> None:
    copies = [copy(0), copy(1), copy(2, kept_until=until)]

    assert against(copies, copies[2]) == said


@pytest.mark.parametrize(("hours", "is_newest"), [(2, True), (2.01, False)])
def test_a_copy_of_a_time_to_come_is_nobodys_newest(hours: float, is_newest: bool) -> None:
    ahead = copy(-(10 + hours) / 24, "stored")
    copies = [ahead, copy(0, "stored"), copy(1)]

    assert against(copies, ahead) == (("it is the newest copy there",) if is_newest else ())
    newest = () if is_newest else ("it is the newest copy there",)
    assert against(copies, copies[1]) == newest
