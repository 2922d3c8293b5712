"""What is found after a gap is told apart from what merely looks new."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.receiving.catch_up import Turn
from bot.zulip_api.words import Message

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MESSAGE = Message(
    id=1,
    sender_id=5,
    sender_name="Iago",
    sender_realm="",
    channel_id=1,
    topic="t",
    participants=(),
    content="@**ops** status",
    client="website",
    sent_at=NOON,
    mentioned=True,
    reactions=(),
    changes=(),
    edited=False,
    moved=False,
)


def out_of_turn(turn: Turn, *seconds: float) -> list[bool]:
    found = []
    for one in seconds:
        message = replace(MESSAGE, sent_at=NOON + timedelta(seconds=one))
        found.append(turn.arrival(message).out_of_turn)
    return found


def test_messages_in_order_are_in_turn() -> None:
    assert out_of_turn(Turn(NOON), 0, 1, 1, 5, 600) == [False] * 5


def test_new_id_on_a_message_from_before_the_gap_is_out_of_turn() -> None:
    assert out_of_turn(Turn(NOON), -61) == [True]


def test_imported_message_among_new_ones_is_out_of_turn_and_the_others_are_not() -> None:
    assert out_of_turn(Turn(None), 300, -86_400, 301, 200, 302) == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_messages_written_at_once_may_change_places() -> None:
    assert out_of_turn(Turn(NOON), 10, 8, 9, -50) == [False] * 4


def test_where_nobody_knows_the_last_message_the_first_one_is_in_turn() -> None:
    assert out_of_turn(Turn(None), -86_400, 0) == [False, False]


def test_message_that_never_reached_the_bot_is_out_of_turn() -> None:
    arrived = Turn(NOON).arrival(replace(MESSAGE, historical=True))
    assert arrived.out_of_turn
    assert arrived.from_catch_up
