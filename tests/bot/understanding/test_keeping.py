"""Until when a copy is kept, as people say it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.commands.registry import verbs
from bot.grammar import Grammar
from bot.understanding.keeping import with_moment
from handlers.errors import BadCommand, Reason

BERLIN = ZoneInfo("Europe/Berlin")
#: A Thursday, 13:00 in Berlin.
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
GRAMMAR = Grammar(verbs())


def until(words: str) -> object:
    parsed = GRAMMAR.parse(f"backup keep 12 {words}")
    return with_moment(parsed, NOW, BERLIN).arguments["until"]


@pytest.mark.parametrize(
    ("words", "at"),
    [
        # A day alone is meant to its end.
        ("until 2027-01-31", "2027-01-31T23:00:00+00:00"),
        ("until Mon", "2026-11-30T23:00:00+00:00"),
        ("until today", "2026-11-26T23:00:00+00:00"),
        ("until Mon 06:00", "2026-11-30T05:00:00+00:00"),
        ("UNTIL 2027-01-31 06:00", "2027-01-31T05:00:00+00:00"),
        ("for 90d", "2027-02-24T12:00:00+00:00"),
        ("for 1d 12h", "2026-11-28T00:00:00+00:00"),
        ("off", "off"),
        ("OFF", "off"),
    ],
)
def test_a_moment_takes_the_place_of_the_words(words: str, at: str) -> None:
    assert until(words) == at


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("2027-01-31", "does not say until when"),
        ("until", "does not say until when"),
        ("off now", "does not say until when"),
        ("until the exams are over", "is no time that I understand"),
        ("until 2027-02-30", "is no time that I understand"),
        ("for ever", "is no length of time"),
        ("until 2020-01-31", "That time is over already"),
        ("until 2026-11-26 13:00", r"^That time is over already\.$"),
        ("until 2027-01-31 06:00+02:00", "Leave the zone out"),
    ],
)
def test_what_is_no_time_is_named_with_an_example(words: str, said: str) -> None:
    with pytest.raises(BadCommand, match=said) as refused:
        until(words)
    assert refused.value.reason is Reason.BAD_ARGUMENT
    assert refused.value.hint is not None
    assert "backup keep 12" in refused.value.hint


def test_every_other_command_stays_as_it_is() -> None:
    for text in ("backup now", "backup keep --help", "hold until Mon 06:00 because it is so"):
        parsed = GRAMMAR.parse(text)
        assert with_moment(parsed, NOW, BERLIN) is parsed
