"""When a restored database is the one that was copied."""

import pytest

from handlers.backups.drills.checking.database import is_same_message
from handlers.contract import JSON

NEWEST: JSON = {"id": 7, "at": "2026-11-25T02:00:00+00:00"}


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (NEWEST, True),
        ({"id": 7, "at": "2026-11-25T03:00:00+01:00"}, True),
        ({"id": 7, "at": "2026-11-25T02:00:00.000001+00:00"}, False),
        ({"id": 8, "at": "2026-11-25T02:00:00+00:00"}, False),
        (None, False),
    ],
)
def test_the_newest_message_is_the_same_in_any_time_zone(found: JSON, same: bool) -> None:
    assert is_same_message(NEWEST, found) is same
    assert is_same_message(found, NEWEST) is same


def test_a_database_without_messages_is_like_another() -> None:
    assert is_same_message(None, None)
