"""What was granted to a schedule is read back as it was granted, or not at all."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from handlers.contract import JSON
from jobs.journal import LARGEST_NUMBER
from jobs.launching.grant import Grant, schedule_name
from jobs.runs.fields import Fields, Unreadable

GRANT = Grant("nightly", "backup now", "0 2 * * *", "Europe/Berlin", "0" * 64, 1, 4711)


def read(record: JSON) -> Grant:
    return Grant.from_json(Fields(record, "the grant"))


def test_the_mark_is_the_hash_of_its_canonical_json() -> None:
    text = (
        '{"command":"backup now","cron":"0 2 * * *","epoch":1,"message_id":4711,'
        '"policy_sha256":"' + "0" * 64 + '","schedule":"nightly","tz":"Europe/Berlin"}'
    )
    assert GRANT.mark == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"schedule": "a" + "b" * 39},
        {"command": "a" + "~" * 499},
        {"cron": ("a" * 100 + " ") * 4 + "a" * 100},
        {"tz": "UTC"},
        {"tz": "America/Argentina/Buenos_Aires"},
        {"epoch": LARGEST_NUMBER, "message_id": LARGEST_NUMBER},
        {"epoch": 1, "message_id": 1},
    ],
)
def test_it_is_read_as_it_was_written(more: dict[str, Any]) -> None:
    grant = replace(GRANT, **more)
    assert read(grant.to_json()) == grant


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schedule", ""),
        ("schedule", "-nightly"),
        ("schedule", "night ly"),
        ("schedule", "a" * 41),
        ("schedule", 1),
        ("command", ""),
        ("command", "Backup"),
        ("command", "backup\nnow"),
        ("command", "a" * 501),
        ("cron", "0 2 * *"),
        ("cron", "0 2 * * * *"),
        ("cron", "0 2 * * ;"),
        ("tz", "../UTC"),
        ("tz", "a/b/c/d"),
        ("policy_sha256", "0" * 63),
        ("policy_sha256", "G" * 64),
        ("epoch", 0),
        ("epoch", LARGEST_NUMBER + 1),
        ("epoch", "1"),
        ("epoch", True),
        ("message_id", 0),
        ("message_id", None),
    ],
)
def test_what_is_not_expected_is_refused(field: str, value: JSON) -> None:
    with pytest.raises(Unreadable, match=f"`?{field}`?"):
        read({**GRANT.to_json(), field: value})


@pytest.mark.parametrize("field", list(Grant.__slots__))
def test_nothing_may_be_missing(field: str) -> None:
    record = GRANT.to_json()
    del record[field]
    with pytest.raises(Unreadable):
        read(record)


def test_nothing_may_be_added() -> None:
    with pytest.raises(Unreadable):
        read({**GRANT.to_json(), "more": 1})


@pytest.mark.parametrize("field", ["epoch", "message_id"])
def test_a_number_out_of_range_is_told_by_name(field: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read({**GRANT.to_json(), field: 0})
    assert caught.value.message == f"`{field}` of the grant is out of range."


def test_the_name_of_a_schedule_is_read_alone_too() -> None:
    assert schedule_name(Fields({"schedule": "nightly"}, "the request")) == "nightly"
