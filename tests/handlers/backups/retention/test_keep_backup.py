"""Keeping one copy until a time, and no longer."""

from datetime import timedelta

import pytest

from handlers.backups.retention import keep_backup, marks
from handlers.errors import BadCommand, Refused
from tests.handlers.backups.retention.conftest import NOW, Shelf

UNTIL = NOW + timedelta(days=30)


def test_a_copy_is_kept_by_its_number_or_its_id(shelf: Shelf) -> None:
    newest, oldest = shelf.nights(2)

    done = shelf.keep("1", UNTIL)
    shelf.keep(newest, UNTIL + timedelta(days=1))

    assert done.sentence == f"Copy `{oldest}` is kept in local until 2026-12-25 12:30 UTC."
    assert marks.kept(shelf.store) == {oldest: UNTIL, newest: UNTIL + timedelta(days=1)}


def test_the_last_word_counts_also_within_one_second(shelf: Shelf) -> None:
    (only,) = shelf.nights(1)

    shelf.keep(only, UNTIL)
    shelf.keep(only, UNTIL + timedelta(days=5))
    assert marks.kept(shelf.store) == {only: UNTIL + timedelta(days=5)}
    done = shelf.keep(only, None)

    assert marks.kept(shelf.store) == {}
    assert "is no longer kept in local; the rules decide on it again" in done.sentence


def test_the_last_word_counts_after_a_clock_was_set_back(shelf: Shelf) -> None:
    (only,) = shelf.nights(1)
    shelf.keep(only, UNTIL)
    shelf.clock.at -= timedelta(days=400)

    shelf.keep(only, None)

    assert marks.kept(shelf.store) == {}


def test_what_nobody_keeps_cannot_be_let_go(shelf: Shelf) -> None:
    (only,) = shelf.nights(1)

    with pytest.raises(Refused, match="Nobody keeps it"):
        shelf.keep(only, None)


def test_a_time_that_is_over_keeps_nothing(shelf: Shelf) -> None:
    (only,) = shelf.nights(1)

    with pytest.raises(Refused, match="That time is over already"):
        shelf.keep(only, NOW - timedelta(hours=1))


@pytest.mark.parametrize("until", ["soon", "2027-01-31T00:00:00"])
def test_what_is_no_moment_is_named(shelf: Shelf, until: str) -> None:
    shelf.nights(1)

    with pytest.raises(BadCommand, match=until):
        keep_backup.plan(shelf.context(), keep_backup.Args("1", until))


def test_the_plan_says_that_a_mark_is_taken_back(shelf: Shelf) -> None:
    *_, oldest = shelf.nights(4)
    shelf.prune()

    plan = keep_backup.plan(shelf.context(), keep_backup.Args(oldest, UNTIL.isoformat()))

    assert "no longer marked to be removed from local" in plan.summary
    assert plan.binding["until"] == "2026-12-25 12:30:00 UTC"
