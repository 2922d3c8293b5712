"""Until when a hold lasts, as people say it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.understanding.moments import lasting, until
from handlers.errors import BadCommand, Reason

BERLIN = ZoneInfo("Europe/Berlin")
#: A Thursday, 13:00 in Berlin.
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Mon 06:00 because why", "2026-11-30T05:00"),
        ("monday 06:00, because why", "2026-11-30T05:00"),
        ("Thu 14:00 because why", "2026-11-26T13:00"),
        ("Thu 12:00 because why", "2026-12-03T11:00"),
        ("14:00 because why", "2026-11-26T13:00"),
        ("06:00 because why", "2026-11-27T05:00"),
        ("tomorrow 14:00 BECAUSE why", "2026-11-27T13:00"),
        ("2026-11-30T06:00 because why", "2026-11-30T05:00"),
        ("2026-11-30 06:00 because why", "2026-11-30T05:00"),
        # What is over is said so by the command, not taken for another day.
        ("2026-11-01 06:00 because why", "2026-11-01T05:00"),
        ("today 06:00 because why", "2026-11-26T05:00"),
    ],
)
def test_a_time_is_meant_by_the_clock_of_the_zone(text: str, at: str) -> None:
    found = until(text, NOW, BERLIN)
    assert found.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert found.why == "why"


def test_clocks_that_are_moved_meanwhile_are_minded() -> None:
    before = datetime(2026, 3, 27, 12, tzinfo=UTC)
    assert until("Mon 06:00 because why", before, BERLIN).at.hour == 4


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2h because why", 2),
        ("90min because why", 1.5),
        ("1d 12h because why", 36),
        ("3 d because why", 72),
    ],
)
def test_a_length_of_time_is_read(text: str, hours: float) -> None:
    assert (lasting(text, NOW).at - NOW).total_seconds() == hours * 3600


def test_the_reason_may_hold_the_word_itself() -> None:
    assert lasting("2h because it is so because it is", NOW).why == "it is so because it is"


@pytest.mark.parametrize(
    "text",
    [
        "Mon 06:00",
        "because why",
        "Mon because why",
        "Mon 6 Uhr because why",
        "Someday 06:00 because why",
        "2026-13-01 06:00 because why",
        "06:00+02:00 because why",
    ],
)
def test_what_is_no_time_or_has_no_reason_is_refused(text: str) -> None:
    with pytest.raises(BadCommand):
        until(text, NOW, BERLIN)


@pytest.mark.parametrize("text", ["2h", "0h because why", "ever because why", "2 because why"])
def test_what_is_no_length_or_has_no_reason_is_refused(text: str) -> None:
    with pytest.raises(BadCommand):
        lasting(text, NOW)


HOW_UNTIL = "For example: `hold until Mon 06:00 because the exams go on`."
HOW_FOR = "For example: `hold for 2h because the exams go on`."
NO_REASON = "A hold needs a reason: say `because` and why."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Mon 06:00", NO_REASON),
        ("because why", "That is no time that I understand."),
        ("Mon 6 Uhr because why", "`Mon 6 Uhr` is no time that I understand."),
        ("Xyz 06:00 because why", "`Xyz 06:00` is no time that I understand."),
        (
            "06:00+02:00 because why",
            "Leave the zone out: times are meant by the clock here.",
        ),
    ],
)
def test_a_time_that_is_refused_is_told_why(text: str, sentence: str) -> None:
    with pytest.raises(BadCommand) as caught:
        until(text, NOW, BERLIN)
    failure = caught.value
    assert (failure.message, failure.reason, failure.hint) == (
        sentence,
        Reason.BAD_ARGUMENT,
        HOW_UNTIL,
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2h", NO_REASON),
        ("because why", "That is no length of time that I understand."),
        ("ever because why", "`ever` is no length of time that I understand."),
    ],
)
def test_a_length_that_is_refused_is_told_why(text: str, sentence: str) -> None:
    with pytest.raises(BadCommand) as caught:
        lasting(text, NOW)
    failure = caught.value
    assert (failure.message, failure.reason, failure.hint) == (
        sentence,
        Reason.BAD_ARGUMENT,
        HOW_FOR,
    )


def test_the_day_is_that_of_the_zone() -> None:
    late = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)  # a Friday in Berlin
    assert until("06:00 because why", late, BERLIN).at == datetime(2026, 11, 27, 5, tzinfo=UTC)
    assert until("today 06:00 because why", late, BERLIN).at.day == 27


def test_a_moment_is_told_in_utc_and_lies_ahead() -> None:
    found = until("13:00 because why", NOW, BERLIN)
    assert found.at == datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert found.at.tzinfo is UTC
