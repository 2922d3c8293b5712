"""The epoch begins anew when message ids do, and voids or re-addresses what hangs on them."""

from typing import Any

import pytest

from state import (
    anchors,
    approval_store,
    audit_log,
    epochs,
    inbox,
    installation,
    job_store,
    outbox,
    seen_messages,
)
from state.approval_store import NewRequest
from state.database import Transaction
from state.epochs import Begun
from state.seen_messages import SeenMessage
from tests.state.sample_rows import IAGO, NOW, after, make_job, new_entry, new_row

LUNCH = {"type": "topic", "channel_id": 4, "topic": "lunch"}


def begin(tx: Transaction, *, same_server: bool = True) -> Begun:
    return epochs.begin(tx, same_server=same_server, reason="reused", actor="root", at=NOW)


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
    seen_messages.remember(tx, [SeenMessage(500, IAGO, NOW)])

    assert begin(tx) == Begun(2, (), 0)

    assert installation.epoch(tx) == 2
    assert not approval_store.consume(tx, job.id, "f", actor="bot", at=NOW)
    assert approval_store.answer(tx, question.id, at=NOW) is None
    assert anchors.get(tx, 500) is None
    assert seen_messages.newest(tx) == []
    head = audit_log.head(tx)
    assert head is not None
    assert (head.action, head.detail) == ("epoch begun", {"epoch": 2, "reason": "reused"})


def test_open_commands_are_closed_and_named_and_schedules_are_not(tx: Transaction) -> None:
    lost = inbox.add(tx, new_entry(7, content="status"))
    kept = inbox.add(tx, new_entry(8, origin="schedule", source_key="schedule/x"))
    assert lost is not None
    assert kept is not None
    assert begin(tx).commands == ("status",)
    assert [entry.id for entry in inbox.open_entries(tx)] == [kept.id]
    closed = inbox.get(tx, lost.id)
    assert closed is not None
    assert closed.reason == "epoch_changed"


def test_the_same_number_is_another_command_afterwards(tx: Transaction) -> None:
    inbox.add(tx, new_entry(7))
    begin(tx)
    assert inbox.add(tx, new_entry(7, epoch=2, source_key="chat/2/7")) is not None


def test_jobs_that_are_open_forget_their_messages(tx: Transaction) -> None:
    job, ended = make_job(tx), make_job(tx)
    for one in (job, ended):
        job_store.change(tx, one.id, anchor_message_id=500, card_message_id=501)
    job_store.change(tx, ended.id, ended_at=NOW)
    begin(tx)
    found, past = job_store.get(tx, job.id), job_store.get(tx, ended.id)
    assert found is not None
    assert past is not None
    assert (found.anchor_message_id, found.card_message_id) == (None, None)
    assert past.anchor_message_id == 500, "the history stays as it was"


@pytest.mark.parametrize(
    ("values", "target"),
    [
        ({"target": LUNCH}, LUNCH),
        ({"target": {"type": "direct", "user_ids": [11]}}, {"type": "direct", "user_ids": [11]}),
        ({"target": {"type": "anchor", "message_id": 500}}, LUNCH),
        ({"target": {"type": "job", "job_id": 1}}, LUNCH),
        ({"target": {"type": "job", "job_id": 2}}, {"type": "job", "job_id": 2}),
        ({"target": {"type": "anchor", "message_id": 499}}, None),
        ({"target": LUNCH, "role": "card", "job_id": 1}, None),
        ({"target": {"type": "message", "message_id": 500}, "action": "react"}, None),
        ({"target": {"type": "job_status", "job_id": 1}, "action": "edit"}, None),
        ({"target": {"type": "job", "job_id": 1}, "action": "resolve"}, None),
    ],
)
def test_what_waits_is_addressed_by_topic_or_dropped(
    tx: Transaction, values: dict[str, Any], target: dict[str, Any] | None
) -> None:
    job, _without_topic = make_job(tx), make_job(tx)
    job_store.change(tx, job.id, anchor_message_id=500)
    anchors.remember(tx, 500, 4, "lunch", NOW)
    row_id = outbox.add(tx, new_row(**values))

    assert begin(tx).dropped == (target is None)

    row = outbox.get(tx, row_id)
    assert row is not None
    if target is None:
        assert (row.status, row.reason) == ("dropped", epochs.GONE)
    else:
        assert (row.status, row.target, row.epoch) == ("new", target, 2)


def test_another_server_is_told_nothing_that_was_meant_for_the_first(tx: Transaction) -> None:
    outbox.add(tx, new_row(target=LUNCH))
    assert begin(tx, same_server=False).dropped == 1


def test_a_job_opens_its_topic_again(tx: Transaction) -> None:
    job = make_job(tx)
    sent = outbox.add(tx, new_row(job_id=job.id))
    outbox.mark_sending(tx, sent, NOW)
    outbox.mark_sent(tx, sent, 500, NOW)
    assert outbox.has_rows_of_job(tx, job.id)
    begin(tx)
    assert not outbox.has_rows_of_job(tx, job.id)
