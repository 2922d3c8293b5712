"""Maintenance windows, above all on the days on which clocks are moved."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import windows
from jobs.windows import DAYS, Opening, Window, is_open, next_opening, parse

BERLIN = "Sat,Sun 02:00-05:00 Europe/Berlin"


@pytest.fixture(autouse=True)
def _nothing_was_read_before() -> None:
    """What is read is remembered for the life of the process."""
    parse.cache_clear()


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
    found = next_opening([parse(BERLIN)], utc(at))
    assert found is not None
    assert (found.start, found.end) == (utc(start), utc(end))


@pytest.mark.parametrize(
    ("texts", "at", "start", "end"),
    [
        # Two windows that touch are one opening; two that do not are two.
        (
            ["Sat 02:00-03:00 UTC", "Sat 03:00-04:00 UTC"],
            "2026-11-26T12:00",
            "2026-11-28T02:00",
            "2026-11-28T04:00",
        ),
        (
            ["Sun 02:00-03:00 UTC", "Sat 02:00-03:00 UTC"],
            "2026-11-26T12:00",
            "2026-11-28T02:00",
            "2026-11-28T03:00",
        ),
        # The whole of a day and the night after it.
        (["Sat 00:00-23:59 UTC"], "2026-11-26T12:00", "2026-11-28T00:00", "2026-11-28T23:59"),
        (["Sat 00:00-00:01 UTC"], "2026-11-28T00:01", "2026-12-05T00:00", "2026-12-05T00:01"),
        (["Sat 22:00-00:00 UTC"], "2026-11-26T12:00", "2026-11-28T22:00", "2026-11-29T00:00"),
        (["Sun 22:00-04:00 UTC"], "2026-11-26T12:00", "2026-11-29T22:00", "2026-11-30T04:00"),
        # West of the meridian the day is another; east of it, too.
        (
            ["Mon 18:00-20:00 America/New_York"],
            "2026-11-26T12:00",
            "2026-11-30T23:00",
            "2026-12-01T01:00",
        ),
        (
            ["Mon 05:00-06:00 Asia/Kathmandu"],
            "2026-11-26T12:00",
            "2026-11-29T23:15",
            "2026-11-30T00:15",
        ),
        (
            ["Mon 00:30-01:30 Pacific/Kiritimati"],
            "2026-11-26T12:00",
            "2026-11-29T10:30",
            "2026-11-29T11:30",
        ),
        # Clocks that move end an opening, or begin another.
        (
            ["Sun 00:30-01:30 Europe/London"],
            "2026-03-26T12:00",
            "2026-03-29T00:30",
            "2026-03-29T01:00",
        ),
        (
            ["Sun 00:30-01:30 Europe/London"],
            "2026-10-25T00:30",
            "2026-10-25T01:00",
            "2026-10-25T01:30",
        ),
        # Clocks that move by half an hour.
        (
            ["Sun 01:45-02:15 Australia/Lord_Howe"],
            "2026-10-03T00:00",
            "2026-10-03T15:15",
            "2026-10-03T15:30",
        ),
        (
            ["Sun 01:30-02:00 Australia/Lord_Howe"],
            "2026-04-04T00:00",
            "2026-04-04T14:30",
            "2026-04-04T15:30",
        ),
    ],
)
def test_openings_of_many_kinds(texts: list[str], at: str, start: str, end: str) -> None:
    found = next_opening([parse(text) for text in texts], utc(at))
    assert found == Opening(utc(start), utc(end))
    assert found.end.tzinfo is UTC


def test_what_is_always_open_is_told_as_open_for_fifteen_days() -> None:
    at = utc("2026-11-26T12:00")
    always = [parse("00:00-12:00 UTC"), parse("12:00-00:00 UTC")]
    assert next_opening(always, at) == Opening(at, at + timedelta(days=15))
    assert next_opening([], at) == Opening(at, at + timedelta(days=15))


def test_an_opening_beyond_two_weeks_is_none() -> None:
    never = Window(frozenset(), time(2), time(3), parse(BERLIN).zone)
    assert next_opening([never], utc("2026-11-26T12:00")) is None


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-28T01:59", False),
        ("2026-11-28T02:00", True),
        ("2026-11-28T02:59", True),
        ("2026-11-28T03:00", False),
        ("2026-11-27T02:30", False),
    ],
)
def test_its_first_minute_is_in_it_and_its_last_is_not(at: str, *, opens: bool) -> None:
    assert parse("Sat 02:00-03:00 UTC").is_open(utc(at)) is opens


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-28T22:59", False),
        ("2026-11-28T23:00", True),
        ("2026-11-29T01:00", False),
        ("2026-11-29T23:30", False),
        ("2026-11-30T00:30", False),
    ],
)
def test_a_night_ends_on_the_day_after(at: str, *, opens: bool) -> None:
    assert parse("Sat 23:00-01:00 UTC").is_open(utc(at)) is opens


def test_a_night_from_sunday_ends_on_monday() -> None:
    assert parse("Sun 23:00-01:00 UTC").is_open(utc("2026-11-30T00:30"))


def test_one_open_window_is_enough() -> None:
    some = [parse("Sat 02:00-03:00 UTC"), parse("Sun 02:00-03:00 UTC")]
    assert is_open(some, utc("2026-11-29T02:00"))
    assert not is_open(some, utc("2026-11-29T03:00"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Sat 2-5 UTC", "`Sat 2-5 UTC` is not like `Sat,Sun 02:00-05:00 Europe/Berlin`"),
        ("Sat 02:00-25:00 UTC", "`25:00` is no time of day"),
        ("Sat 02:00-02:00 UTC", "`Sat 02:00-02:00 UTC` begins and ends at the same time"),
        (
            "Sab 02:00-05:00 UTC",
            "`Sab` is no day of the week; they are Mon, Tue, Wed, Thu, Fri, Sat, Sun",
        ),
        ("Sat 02:00-05:00 Mars/Base", "`Mars/Base` is no time zone"),
        ("Sat 02:00-05:00 /etc", "`/etc` is no time zone"),
    ],
)
def test_what_is_wrong_with_a_window_is_told(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole sentence is looked at
        parse(text)
    assert str(caught.value) == sentence


def test_blanks_and_capitals_do_not_matter() -> None:
    assert parse(" SAT,sun   02:00-05:00  Europe/Berlin ") == parse(BERLIN)
    assert parse("Fri-Fri 02:00-05:00 UTC").days == {4}


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
