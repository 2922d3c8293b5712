"""The newest messages are kept as Zulip told of them, and no more than are needed."""

from state import seen_messages
from state.database import Transaction
from state.seen_messages import KEPT, SeenMessage
from tests.state.sample_rows import IAGO, NOW, after


def seen(message_id: int) -> SeenMessage:
    return SeenMessage(message_id, IAGO, after(message_id))


def test_the_newest_are_kept(tx: Transaction) -> None:
    for message_id in range(1, 2 * KEPT + 1):
        seen_messages.remember(tx, [seen(message_id)])
    found = [one.message_id for one in seen_messages.newest(tx)]
    assert found == list(range(2 * KEPT, KEPT, -1))


def test_what_was_seen_first_of_a_number_stays(tx: Transaction) -> None:
    seen_messages.remember(tx, [seen(1)])
    seen_messages.remember(tx, [SeenMessage(1, 12, NOW)])
    assert seen_messages.newest(tx) == [seen(1)]


def test_deleted_messages_are_forgotten(tx: Transaction) -> None:
    seen_messages.remember(tx, [seen(1), seen(2)])
    seen_messages.forget(tx, [2, 3])
    assert seen_messages.newest(tx) == [seen(1)]
