"""What is due is due once, whatever clocks and restarts do."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.configuration import CatchUp
from jobs.schedules import Recurrence, explain, next_due, occurrences, reckon

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(cron: str = "0 2 * * *", tz: str = "UTC", catch_up: CatchUp = "once") -> Recurrence:
    return Recurrence(cron, tz, catch_up, timedelta(minutes=60))


@pytest.mark.parametrize("tz", [*ZONES, "Africa/Cairo", "Atlantic/Azores"])
@pytest.mark.parametrize("cron", ["0 0 * * *", "30 0 * * *", "30 2 * * *", "0 3 * * *"])
def test_a_daily_schedule_is_due_once_on_every_day_of_the_year(tz: str, cron: str) -> None:
    moments: list[datetime] = []
    for moment in occurrences(daily(cron, tz), at("2026-01-01T12:00")):
        if moment > at("2027-01-01T12:00"):
            break
        moments.append(moment)
    assert len(moments) == 365
    gaps = {later - earlier for earlier, later in pairwise(moments)}
    assert all(timedelta(hours=22) <= gap <= timedelta(hours=26) for gap in gaps)


def test_a_run_found_in_time_is_not_a_missed_one() -> None:
    result = reckon(daily(), at("2026-03-01T02:00"), at("2026-03-02T02:00:03"))
    assert [(due.due_at, due.caught_up) for due in result.due] == [(at("2026-03-02T02:00"), False)]
    assert result.missed == ()


def test_three_missed_days_are_made_up_for_by_one_marked_run() -> None:
    result = reckon(daily(), at("2026-03-01T02:00"), at("2026-03-04T12:00"))
    assert [(due.due_at, due.caught_up) for due in result.due] == [(at("2026-03-04T02:00"), True)]
    assert len(result.missed) == 3


def test_a_run_that_is_due_now_stands_for_those_missed_before_it() -> None:
    result = reckon(daily(), at("2026-03-01T02:00"), at("2026-03-04T02:10"))
    assert [(due.due_at, due.caught_up) for due in result.due] == [(at("2026-03-04T02:00"), False)]
    assert len(result.missed) == 2


def test_skip_starts_nothing_late_and_all_starts_each() -> None:
    since, now = at("2026-03-01T02:00"), at("2026-03-04T12:00")
    assert reckon(daily(catch_up="skip"), since, now).due == ()
    assert len(reckon(daily(catch_up="all"), since, now).due) == 3


def test_a_clock_that_went_backwards_owes_nothing() -> None:
    result = reckon(daily(), at("2026-03-04T02:00"), at("2026-03-03T02:00"))
    assert result.due == ()
    assert result.settled_until is None


@settings(deadline=None, max_examples=60)
@given(
    looks=st.lists(st.integers(min_value=1, max_value=400), min_size=1, max_size=25),
    zone=st.sampled_from(ZONES),
    start=st.integers(min_value=0, max_value=365 * 24 * 60),
)
def test_however_often_it_looks_nothing_is_due_twice_and_nothing_is_lost(
    looks: list[int], zone: str, start: int
) -> None:
    recurrence = Recurrence("*/20 * * * *", zone, "all", timedelta(minutes=5))
    begin = at("2026-01-01T00:00") + timedelta(minutes=start)
    now, settled = begin, begin
    started: list[datetime] = []
    for minutes in looks:
        now += timedelta(minutes=minutes)
        result = reckon(recurrence, settled, now)
        started += [due.due_at for due in result.due]
        settled = result.settled_until or settled
    expected = []
    for moment in occurrences(recurrence, begin):
        if moment > now:
            break
        expected.append(moment)
    assert started == expected


def test_the_next_moment_is_the_first_after_now() -> None:
    assert next_due(daily("0 2 29 2 *"), at("2026-01-01T00:00")) == at("2028-02-29T02:00")


def test_a_schedule_is_explained_in_words() -> None:
    assert explain(daily("0 2 * * *", "Europe/Berlin")).startswith("at 02:00")
