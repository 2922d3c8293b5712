"""The bot reads facts.json whole or says why it cannot."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.checks.contract import Level
from jobs.observing.facts import FACTS_FILE, Fact, FactsError, read_facts

FACT = {
    "at": "2026-11-23T13:00:00+00:00",
    "level": "ok",
    "sentence": "All is well.",
    "hint": None,
    "values": {"size": 3, "share": 0.5, "name": "x", "differs": False, "rows": [{"a": 1}, 2]},
    "seconds": 0.01,
}
ROUND = {
    "version": 1,
    "round_started_at": "2026-11-23T13:00:00+00:00",
    "round_ended_at": "2026-11-23T13:00:01+00:00",
    "boot_id": "8e6c0f9a",
    "facts": {"memory": FACT},
}


def write(directory: Path, text: str) -> None:
    (directory / FACTS_FILE).write_text(text)


def fact(directory: Path) -> Fact:
    write(directory, json.dumps(ROUND))
    read = read_facts(directory)
    assert read is not None
    return read.facts["memory"]


def test_before_the_first_round_there_is_nothing(tmp_path: Path) -> None:
    assert read_facts(tmp_path) is None


def test_a_round_knows_its_age_and_that_of_each_fact(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 13, 1, tzinfo=UTC)
    memory = fact(tmp_path)
    read = read_facts(tmp_path)
    assert read is not None
    assert read.age(now) == timedelta(seconds=59)
    assert memory.age(now) == timedelta(seconds=60)
    assert memory.level is Level.OK


def test_values_come_in_the_type_that_is_asked_for_or_not_at_all(tmp_path: Path) -> None:
    memory = fact(tmp_path)
    assert (memory.whole("size"), memory.number("size"), memory.number("share")) == (3, 3, 0.5)
    assert (memory.text("name"), memory.flag("differs")) == ("x", False)
    assert memory.records("rows") == ({"a": 1},)
    assert memory.whole("share") is None
    assert memory.whole("differs") is None
    assert memory.number("differs") is None
    assert memory.text("size") is None
    assert memory.flag("missing") is None
    assert memory.records("name") == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "not of version 1"),
        (json.dumps(ROUND | {"version": 2}), "not of version 1"),
        ("{}", "it has no 'version'"),
        (json.dumps(ROUND | {"facts": []}), "its facts are not a table"),
        (json.dumps(ROUND | {"facts": {"memory": 1}}), "memory is not a table"),
        (json.dumps(ROUND | {"facts": {"memory": {}}}), "it has no 'values'"),
        (json.dumps(ROUND | {"facts": {"memory": FACT | {"level": "odd"}}}), "'odd'"),
        (json.dumps(ROUND | {"facts": {"memory": FACT | {"values": 1}}}), "the shape of a fact"),
        (json.dumps(ROUND | {"round_ended_at": "2026-11-23T13:00:00"}), "no time zone"),
        (json.dumps(ROUND | {"round_ended_at": "soon"}), "soon"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    write(tmp_path, text)
    with pytest.raises(FactsError) as caught:
        read_facts(tmp_path)
    assert str(tmp_path / FACTS_FILE) in caught.value.message
    assert why in caught.value.message
    assert caught.value.hint


def test_a_directory_in_its_place_is_named_too(tmp_path: Path) -> None:
    (tmp_path / FACTS_FILE).mkdir()
    with pytest.raises(FactsError, match="Is a directory"):
        read_facts(tmp_path)
