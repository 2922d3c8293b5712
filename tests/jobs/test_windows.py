"""Maintenance windows, above all on the days on which clocks are moved."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import windows
from jobs.windows import DAYS, Window, is_open, next_opening, parse

BERLIN = parse("Sat,Sun 02:00-05:00 Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Sat,Sun 02:00-05:00 UTC", {5, 6}),
        ("mon-fri 02:00-05:00 UTC", {0, 1, 2, 3, 4}),
        ("Sat-Mon,Wed 02:00-05:00 UTC", {5, 6, 0, 2}),
        ("02:00-05:00 UTC", set(range(7))),
    ],
)
def test_days_are_read(text: str, days: set[int]) -> None:
    assert parse(text).days == days


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not like"),
        ("Sat 2-5 UTC", "is not like"),
        ("Sat 02:00-05:00", "is not like"),
        ("Sat 02:00-25:00 UTC", "`25:00` is no time of day"),
        ("Sat 02:00-02:00 UTC", "begins and ends at the same time"),
        ("Sab 02:00-05:00 UTC", "`Sab` is no day of the week"),
        ("Sat 02:00-05:00 Mars/Base", "`Mars/Base` is no time zone"),
    ],
)
def test_what_is_no_window_is_named(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse(text)


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        # Thursday: the next one is on Saturday.
        ("2026-11-26T12:00", "2026-11-28T01:00", "2026-11-28T04:00"),
        # In the middle of it.
        ("2026-11-28T02:30", "2026-11-28T02:30", "2026-11-28T04:00"),
        ("2026-11-28T04:00", "2026-11-29T01:00", "2026-11-29T04:00"),
        # Clocks go from 2 to 3: it opens at 3 and is two hours long.
        ("2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29T03:00"),
        # Clocks go from 3 back to 2: four hours long.
        ("2026-10-24T12:00", "2026-10-25T00:00", "2026-10-25T04:00"),
    ],
)
def test_the_next_opening(at: str, start: str, end: str) -> None:
    found = next_opening([BERLIN], utc(at))
    assert found is not None
    assert (found.start, found.end) == (utc(start), utc(end))


def test_hours_that_the_clock_skips_do_not_come() -> None:
    window = parse("Sun 02:00-03:00 Europe/Berlin")
    found = next_opening([window], utc("2026-03-23T12:00"))
    assert found is not None
    assert found.start == utc("2026-04-05T00:00")


def test_hours_that_the_clock_repeats_come_twice() -> None:
    window = parse("Sun 02:15-02:45 Europe/Berlin")
    first = next_opening([window], utc("2026-10-24T12:00"))
    assert first is not None
    second = next_opening([window], first.end)
    assert second is not None
    assert (first.start, first.end) == (utc("2026-10-25T00:15"), utc("2026-10-25T00:45"))
    assert (second.start, second.end) == (utc("2026-10-25T01:15"), utc("2026-10-25T01:45"))


def test_over_midnight_it_belongs_to_the_day_on_which_it_begins() -> None:
    window = parse("Sat 23:00-01:00 UTC")
    assert window.is_open(utc("2026-11-28T23:30"))
    assert window.is_open(utc("2026-11-29T00:59"))
    assert not window.is_open(utc("2026-11-28T00:30"))


def test_without_windows_it_is_always_open() -> None:
    assert is_open([], utc("2026-11-28T12:00"))


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
TIMES = st.integers(0, 95).map(lambda n: f"{n // 4:02d}:{n % 4 * 15:02d}")


@st.composite
def some_window(draw: st.DrawFn) -> Window:
    start, end = draw(st.lists(TIMES, min_size=2, max_size=2, unique=True))
    days = ",".join(draw(st.lists(st.sampled_from(DAYS), min_size=1, unique=True)))
    return parse(f"{days} {start}-{end} {draw(st.sampled_from(ZONES))}")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(some_window(), min_size=1, max_size=2),
    st.sampled_from(["2026-03-27", "2026-10-23", "2026-10-02", "2026-04-03", "2026-07-01"]),
    st.integers(0, 4 * 24 * 60),
)
def test_the_next_opening_is_what_a_look_at_every_quarter_finds(
    some: list[Window], day: str, minutes: int
) -> None:
    at = utc(day) + timedelta(minutes=minutes)
    found = next_opening(some, at)
    quarter = timedelta(minutes=15)
    first = at - (at - utc(day)) % quarter + quarter
    later = [first + number * quarter for number in range(14 * 96)]
    opens = [at] if is_open(some, at) else [one for one in later if is_open(some, one)]
    if not opens:
        assert found is None or found.start > later[-1]
        return
    assert found is not None
    assert found.start == opens[0]
    closed = next((one for one in later if one > opens[0] and not is_open(some, one)), None)
    assert closed is None or found.end == closed


def test_the_module_needs_the_standard_library_alone() -> None:
    assert not any(
        name in vars(windows) for name in ("sqlalchemy", "pydantic", "apscheduler", "cronsim")
    )
