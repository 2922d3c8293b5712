"""How often the status message of a job is edited."""

from datetime import UTC, datetime, timedelta

from bot.progress import EDIT_EVERY, Steps

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_first_edit_is_due_at_once() -> None:
    assert Steps().may_edit_at(NOW) == NOW


def test_what_comes_soon_after_goes_together_when_the_pause_is_over() -> None:
    steps = Steps()
    steps.may_edit_at(NOW)
    due = [steps.may_edit_at(NOW + number * SECOND / 10) for number in range(1, 40)]
    assert set(due) == {NOW + EDIT_EVERY}


def test_after_the_pause_the_next_one_begins() -> None:
    steps = Steps()
    steps.may_edit_at(NOW)
    steps.may_edit_at(NOW + SECOND)
    assert steps.may_edit_at(NOW + EDIT_EVERY + SECOND) == NOW + 2 * EDIT_EVERY
    assert steps.may_edit_at(NOW + 10 * EDIT_EVERY) == NOW + 10 * EDIT_EVERY
