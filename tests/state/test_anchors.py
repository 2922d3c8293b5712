"""Messages keep their id while their topic is renamed or they move."""

from state import anchors
from state.anchors import Anchor
from state.database import Transaction
from tests.state.sample_rows import NOW, after


def test_an_anchor_is_where_it_was_seen_last(tx: Transaction) -> None:
    anchors.remember(tx, 500, 4, "backup now · #12", NOW)
    anchors.remember(tx, 500, 4, "✔ backup now · #12", after(1))
    assert anchors.get(tx, 500) == Anchor(500, 4, "✔ backup now · #12", after(1), True)
    assert anchors.get(tx, 501) is None


def test_moved_messages_take_their_anchors_along(tx: Transaction) -> None:
    for message_id in (500, 501, 900):
        anchors.remember(tx, message_id, 4, "old", NOW)
    moved = anchors.move(tx, [*range(500, 600), *range(1000, 3000), 900], 5, "new", after(1))
    assert moved == 3
    assert anchors.get(tx, 900) == Anchor(900, 5, "new", after(1), True)
    assert anchors.move(tx, [], 5, "new", after(1)) == 0


def test_after_a_gap_every_place_is_in_doubt_until_it_is_seen_again(tx: Transaction) -> None:
    for message_id in (500, 501):
        anchors.remember(tx, message_id, 4, "lobby", NOW)
    anchors.doubt_all(tx)
    anchors.remember(tx, 501, 4, "lobby", after(1))
    assert anchors.get(tx, 500) == Anchor(500, 4, "lobby", NOW, False)
    assert anchors.get(tx, 501) == Anchor(501, 4, "lobby", after(1), True)


def test_a_look_is_believed_unless_something_newer_was_heard(tx: Transaction) -> None:
    anchors.remember(tx, 500, 4, "old", NOW)
    assert anchors.see(tx, 500, 4, "renamed", after(1))
    assert anchors.get(tx, 500) == Anchor(500, 4, "renamed", after(1), True)
    assert not anchors.see(tx, 500, 4, "renamed", after(2))
    anchors.move(tx, [500], 5, "moved on", after(4))
    assert not anchors.see(tx, 500, 4, "renamed", after(3))
    assert anchors.get(tx, 500) == Anchor(500, 5, "moved on", after(4), True)
    assert not anchors.see(tx, 501, 4, "no anchor of ours", after(5))
    assert anchors.get(tx, 501) is None
