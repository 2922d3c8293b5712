"""Values become text and numbers, and come back as they were."""

from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from state import check_store, columns
from state.check_store import Round
from state.database import Transaction

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    first=st.datetimes(timezones=st.just(UTC)),
    second=st.datetimes(timezones=st.timezones()),
)
@settings(deadline=None)
def test_times_as_text_sort_as_times(first: datetime, second: datetime) -> None:
    try:
        second_in_utc = second.astimezone(UTC)
    except OverflowError:
        return  # the first or last day there is, seen from elsewhere
    assert (columns.iso(first) < columns.iso(second)) == (first < second_in_utc)
    assert datetime.fromisoformat(columns.iso(second)) == second_in_utc


def test_a_time_without_a_zone_is_refused(tx: Transaction) -> None:
    naive = datetime(2026, 11, 23)  # noqa: DTZ001 - what is refused here
    with pytest.raises(StatementError, match="without a zone"):
        check_store.record_round(tx, Round(naive, naive, {}))


def test_a_time_of_another_zone_is_stored_in_utc() -> None:
    at = datetime(2026, 11, 23, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    assert columns.iso(at) == "2026-11-23T12:00:00.000000+00:00"


@given(json_values)
@settings(deadline=None)
def test_json_comes_back_as_it_was(value: columns.JSON) -> None:
    text = columns.canonical_json(value)
    assert columns._read_json(text) == value
    assert text.isascii()
    assert columns.canonical_json(columns._read_json(text)) == text


def test_mappings_of_any_kind_are_objects() -> None:
    frozen = MappingProxyType({"b": MappingProxyType({"c": (1, 2)}), "a": 1})
    assert columns.canonical_json(frozen) == '{"a":1,"b":{"c":[1,2]}}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        columns.canonical_json(value)
