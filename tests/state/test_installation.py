"""The epoch begins anew when message ids do, and voids what hangs on them."""

from state import anchors, approval_store, audit_log, cursor, installation
from state.approval_store import NewRequest
from state.cursor import Cursor
from state.database import Transaction
from tests.state.sample_rows import IAGO, NOW, after, make_job


def test_settings_are_kept_and_replaced(tx: Transaction) -> None:
    assert installation.get(tx, "colour") is None
    installation.put(tx, "colour", "green")
    installation.put(tx, "colour", "blue")
    assert installation.get(tx, "colour") == "blue"


def test_a_new_epoch_voids_consent_questions_and_anchors(tx: Transaction) -> None:
    job = make_job(tx)
    approval_store.create(
        tx, NewRequest(job.id, "f", "approval", IAGO, 1, after(60), message_id=500)
    )
    approval_store.latch(tx, job.id, "f", [], actor="user/12", at=NOW)
    question = approval_store.ask(
        tx, job_id=job.id, message_id=500, people=[12], purpose="start", at=NOW
    )
    anchors.remember(tx, 500, 4, "lobby", NOW)

    assert installation.begin_epoch(tx, actor="root", at=NOW) == 2

    assert installation.epoch(tx) == 2
    assert not approval_store.consume(tx, job.id, "f", actor="bot", at=NOW)
    assert approval_store.answer(tx, question.id, at=NOW) is None
    assert anchors.get(tx, 500) is None
    head = audit_log.head(tx)
    assert head is not None
    assert (head.action, head.detail) == ("epoch begun", {"epoch": 2})


def test_the_cursor_is_one_row(tx: Transaction) -> None:
    assert cursor.load(tx) is None
    for last_event_id in (-1, 5):
        position = Cursor("queue:1", last_event_id, 900, 1732360000, "9.2")
        cursor.save(tx, position)
        assert cursor.load(tx) == position


def test_a_lost_queue_keeps_the_watermark(tx: Transaction) -> None:
    cursor.save(tx, Cursor(None, -1, 900, None, None))
    assert cursor.load(tx) == Cursor(None, -1, 900, None, None)
