"""One person's commands are counted by when they were written."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.deciding.quota import WINDOW, Quota

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
IAGO, HAMLET = 5, 6


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_what_is_beyond_the_limit_of_a_minute_is_not_taken() -> None:
    quota = Quota(3)
    assert [quota.takes(IAGO, "status", after(n)) for n in range(5)] == [True] * 3 + [False] * 2
    assert quota.free_at(IAGO, "status") == after(60)
    assert not quota.takes(IAGO, "status", after(59))
    assert quota.takes(IAGO, "status", after(60))


def test_what_was_not_taken_does_not_count() -> None:
    quota = Quota(1)
    assert [quota.takes(IAGO, "status", after(n)) for n in (0, 20, 40, 60)] == [
        True,
        False,
        False,
        True,
    ]


def test_everybody_has_a_limit_of_their_own() -> None:
    quota = Quota(1)
    assert quota.takes(IAGO, "status", NOON)
    assert quota.takes(HAMLET, "status", NOON)
    assert not quota.takes(IAGO, "status", NOON)
    assert quota.free_at(7, "status") is None


def test_who_asked_too_much_can_still_stop_something() -> None:
    quota = Quota(2)
    for _ in range(5):
        quota.takes(IAGO, "status", NOON)
    assert quota.takes(IAGO, "cancel 12", NOON)
    assert quota.takes(IAGO, "Reject 12 because", NOON)
    assert not quota.takes(IAGO, "approve 12", NOON), "but not without end"


def test_an_hour_of_commands_found_at_once_is_no_flood() -> None:
    quota = Quota(10)
    assert all(quota.takes(IAGO, "status", after(7 * n)) for n in range(500))


@given(st.lists(st.integers(0, 300), max_size=80).map(sorted), st.integers(1, 5))
def test_no_minute_has_more_than_the_limit(seconds: list[int], limit: int) -> None:
    quota = Quota(limit)
    taken = [after(one) for one in seconds if quota.takes(IAGO, "status", after(one))]
    for first in taken:
        assert sum(first <= one < first + WINDOW for one in taken) <= limit


def test_the_minute_is_that_of_the_last_commands_alone() -> None:
    quota = Quota(2)
    for seconds in (0, 0, 60, 60):
        assert quota.takes(IAGO, "status", NOON + timedelta(seconds=seconds))
    assert not quota.takes(IAGO, "status", NOON + timedelta(seconds=61))
    assert quota.free_at(IAGO, "status") == NOON + timedelta(seconds=120)
