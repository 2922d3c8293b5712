"""Rounds of checks: each kept once, the newest kept longest."""

from state import check_store
from state.check_store import Round
from state.database import Transaction
from tests.state.sample_rows import after


def record(tx: Transaction, seconds: float) -> bool:
    return check_store.record_round(
        tx, Round(after(seconds), after(seconds + 0.5), {"memory": {"level": "ok"}})
    )


def test_the_latest_round_is_the_one_that_started_last(tx: Transaction) -> None:
    assert check_store.latest(tx) is None
    for seconds in (60, 120, 0):
        assert record(tx, seconds)
    assert check_store.latest(tx) == Round(after(120), after(120.5), {"memory": {"level": "ok"}})
    assert [found.started_at for found in check_store.recent(tx, 2)] == [after(120), after(60)]


def test_a_round_is_kept_once(tx: Transaction) -> None:
    assert record(tx, 60)
    assert not record(tx, 60)


def test_old_rounds_go(tx: Transaction) -> None:
    for seconds in range(10):
        record(tx, seconds)
    assert check_store.prune(tx, keep=3) == 7
    assert [found.started_at for found in check_store.recent(tx, 9)] == [
        after(9),
        after(8),
        after(7),
    ]
    assert check_store.prune(tx, keep=3) == 0
