"""Small settings and the cursor are kept."""

from state import cursor, installation
from state.cursor import Cursor
from state.database import Transaction


def test_settings_are_kept_and_replaced(tx: Transaction) -> None:
    assert installation.get(tx, "colour") is None
    installation.put(tx, "colour", "green")
    installation.put(tx, "colour", "blue")
    assert installation.get(tx, "colour") == "blue"


def test_the_cursor_is_one_row(tx: Transaction) -> None:
    assert cursor.load(tx) is None
    for last_event_id in (-1, 5):
        position = Cursor("queue:1", last_event_id, 900, 1732360000, "9.2")
        cursor.save(tx, position)
        assert cursor.load(tx) == position


def test_a_lost_queue_keeps_the_watermark(tx: Transaction) -> None:
    cursor.save(tx, Cursor(None, -1, 900, None, None))
    assert cursor.load(tx) == Cursor(None, -1, 900, None, None)
