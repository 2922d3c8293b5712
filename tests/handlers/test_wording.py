"""Sizes and lengths of time are written alike everywhere."""

import pytest

from handlers.contract import JSON
from handlers.wording import duration, label, size, worded


@pytest.mark.parametrize(
    ("byte_count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (123_456_789, "123 MB"),
        (2e15, "2.0 PB"),
    ],
)
def test_sizes_have_a_unit_and_at_most_three_digits(byte_count: float, words: str) -> None:
    assert size(byte_count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.04 s"),
        (4.2, "4.2 s"),
        (5, "5 s"),
        (252, "4 min 12 s"),
        (3600, "1 h"),
        (86_400, "1 day"),
        (2 * 86_400 + 3 * 3600 + 59, "2 days 3 h"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("name", "value", "called", "words"),
    [
        ("database_bytes", 529_341, "database", "529 kB"),
        ("seconds", 0.7, "seconds", "0.70 s"),
        ("restart_seconds", 90, "restart", "1 min 30 s"),
        ("is_verified", True, "is verified", "yes"),
        ("uploads", 236, "uploads", "236"),
        ("store", "local", "store", "local"),
    ],
)
def test_the_unit_of_a_fact_is_read_off_its_name(
    name: str, value: JSON, called: str, words: str
) -> None:
    assert (label(name), worded(name, value)) == (called, words)
