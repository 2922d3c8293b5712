"""Versions are ordered as Zulip releases them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.upgrades.versions import parse

#: Each is older than the next.
IN_ORDER = (
    *("1.3", "1.4", "9.2", "9.2+git", "9.3", "9.10", "10.0-dev+git"),
    *("10.0-beta1", "10.0-beta2", "10.0-rc1", "10.0", "10.0.1", "10.1"),
)


@pytest.mark.parametrize(("older", "newer"), list(itertools.pairwise(IN_ORDER)))
def test_each_is_older_than_the_next(older: str, newer: str) -> None:
    assert parse(older) < parse(newer)
    assert not parse(newer) < parse(older)


@given(st.permutations(IN_ORDER))
def test_sorting_brings_them_into_order(versions: list[str]) -> None:
    assert sorted(versions, key=parse) == list(IN_ORDER)


def test_a_missing_number_is_a_zero_and_the_series_is_the_first() -> None:
    assert parse("9.2") == parse("9.2.0")
    assert hash(parse("9.2")) == hash(parse("9.2.0"))
    assert parse("9.2-12-gabcdef1") > parse("9.2")
    assert parse("10.4").series == 10


@pytest.mark.parametrize("text", ["", "9", "latest", "v9.2", " 9.2"])
def test_anything_else_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        parse(text)
