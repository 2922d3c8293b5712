"""Of what a crowd does to one message in one moment, each person is heard once."""

from bot.dispatching.batches import without_repetition
from bot.events import MessagesDeleted, ReactionChanged, ZulipEvent

IAGO, HAMLET = 5, 6


def test_a_person_who_reacts_again_and_again_is_heard_once() -> None:
    other = MessagesDeleted((7,))
    events: list[ZulipEvent] = [
        ReactionChanged(500, IAGO),
        ReactionChanged(500, HAMLET),
        other,
        *[ReactionChanged(500, IAGO)] * 100,
        ReactionChanged(501, IAGO),
    ]
    assert without_repetition(events) == [
        ReactionChanged(500, IAGO),
        ReactionChanged(500, HAMLET),
        other,
        ReactionChanged(501, IAGO),
    ]


def test_whatever_is_no_hint_is_kept_each_time() -> None:
    events: list[ZulipEvent] = [MessagesDeleted((7,))] * 3
    assert without_repetition(events) == events
