"""Holds are kept, listed by their end, and ended once."""

from state import audit_log, hold_store
from state.database import Transaction
from state.hold_store import NewHold
from tests.state.sample_rows import NOW, after


def test_open_holds_are_listed_by_their_end(tx: Transaction) -> None:
    later = hold_store.begin(tx, NewHold("b", 5, "Iago", after(20)), actor="chat:5", at=NOW)
    sooner = hold_store.begin(tx, NewHold("a", None, "root", after(10)), actor="host:root", at=NOW)
    assert hold_store.open_holds(tx) == [sooner, later]
    assert hold_store.get(tx, 99) is None


def test_a_hold_ends_once_and_both_ends_are_in_the_audit_log(tx: Transaction) -> None:
    hold = hold_store.begin(tx, NewHold("why", 5, "Iago", after(10)), actor="chat:5", at=NOW)
    assert hold_store.end(tx, hold.id, "Hamlet", actor="chat:6", at=after(1))
    assert not hold_store.end(tx, hold.id, None, actor="zulip-ops", at=after(2))
    ended = hold_store.get(tx, hold.id)
    assert ended is not None
    assert (ended.ended_at, ended.ended_by) == (after(1), "Hamlet")
    assert hold_store.open_holds(tx) == []
    entries = [(one.actor, one.action) for one in audit_log.page(tx)]
    assert entries == [("chat:6", "hold ended"), ("chat:5", "hold begun")]
