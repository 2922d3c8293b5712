"""What is to be said is said in order, once, and the newest progress alone."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from state import approval_store, epochs, job_store, outbox
from state.approval_store import NewRequest
from state.database import Database, Transaction
from state.outbox import NewRow, Row
from tests.state.query_plans import recorded_plans
from tests.state.sample_rows import IAGO, NOW, after, make_job, new_row


def send(tx: Transaction, row_id: int, message_id: int | None) -> None:
    assert outbox.mark_sending(tx, row_id, NOW)
    assert outbox.mark_sent(tx, row_id, message_id, NOW)


def ready(tx: Transaction, seconds: float = 0) -> list[int]:
    return [row.id for row in outbox.next_ready(tx, after(seconds))]


def progress(job_id: int, done: int, **values: Any) -> NewRow:
    return new_row(
        "topic",
        action="edit",
        kind="progress",
        role="status",
        priority=3,
        job_id=job_id,
        facts={"done": done},
        **values,
    )


def test_a_row_comes_back_as_it_was_added(tx: Transaction) -> None:
    job = make_job(tx)
    new = new_row(job_id=job.id, role="end", not_before=after(5), facts={"a": ["ö", None]})
    row = outbox.get(tx, outbox.add(tx, new))
    assert row is not None
    assert {name: getattr(row, name) for name in new.__slots__} == {
        name: getattr(new, name) for name in new.__slots__
    }
    assert (row.status, row.attempts, row.epoch) == ("new", 0, 1)
    assert outbox.get(tx, 404) is None


def test_what_waits_in_a_lane_can_be_added_to_until_it_is_being_sent(tx: Transaction) -> None:
    sent, waiting = outbox.add(tx, new_row("a")), outbox.add(tx, new_row("a"))
    outbox.add(tx, new_row("b"))
    send(tx, sent, 500)
    assert [row.id for row in outbox.pending_in_lane(tx, "a")] == [waiting]
    assert outbox.change_waiting(tx, waiting, {"done": 2}, after(3))
    row = outbox.get(tx, waiting)
    assert row is not None
    assert (row.facts, row.not_before) == ({"done": 2}, after(3))
    assert outbox.mark_sending(tx, waiting, NOW)
    assert not outbox.change_waiting(tx, waiting, {"done": 3}, after(4))
    assert [row.status for row in outbox.pending_in_lane(tx, "a")] == ["sending"]
    assert not outbox.change_waiting(tx, sent, {"done": 3}, after(4))


def test_a_lane_yields_its_head_alone(tx: Transaction) -> None:
    first = outbox.add(tx, new_row("a", priority=3))
    second = outbox.add(tx, new_row("a", priority=0))
    assert ready(tx) == [first]
    send(tx, first, 500)
    assert ready(tx) == [second]


def test_a_lane_waits_while_its_head_is_under_way_or_resting(tx: Transaction) -> None:
    head = outbox.add(tx, new_row("a"))
    outbox.add(tx, new_row("a"))
    outbox.mark_sending(tx, head, NOW)
    assert ready(tx) == []
    outbox.retry_later(tx, head, after(30))
    assert ready(tx, 29) == []
    assert ready(tx, 30) == [head]


def test_urgent_lanes_go_first_then_old_ones(tx: Transaction) -> None:
    progress_row = outbox.add(tx, new_row("a", priority=3))
    reply = outbox.add(tx, new_row("b", priority=2))
    later_reply = outbox.add(tx, new_row("c", priority=2))
    reaction = outbox.add(tx, new_row("d", priority=0))
    assert ready(tx) == [reaction, reply, later_reply, progress_row]
    assert [row.id for row in outbox.next_ready(tx, NOW, 2)] == [reaction, reply]


def test_reactions_and_all_the_rest_are_asked_for_apart(tx: Transaction) -> None:
    reply = outbox.add(tx, new_row("a", priority=2))
    eyes = outbox.add(tx, new_row("b", action="react", priority=0))
    behind_it = outbox.add(tx, new_row("b", priority=0))

    assert [row.id for row in outbox.next_ready(tx, NOW, reactions=True)] == [eyes]
    # What stands behind a reaction in its lane waits for it.
    assert [row.id for row in outbox.next_ready(tx, NOW, reactions=False)] == [reply]
    outbox.mark_sending(tx, eyes, NOW)
    outbox.mark_sent(tx, eyes, None, NOW)
    found = outbox.next_ready(tx, NOW, reactions=False)
    assert [row.id for row in found] == [behind_it, reply]


def test_an_approval_lends_its_urgency_to_what_stands_before_it(tx: Transaction) -> None:
    progress_row = outbox.add(tx, new_row("a", priority=3))
    reply = outbox.add(tx, new_row("b", priority=2))
    outbox.add(tx, new_row("a", priority=1))
    assert ready(tx) == [progress_row, reply]


def test_a_row_is_sent_once(tx: Transaction) -> None:
    row = outbox.add(tx, new_row())
    assert not outbox.mark_sent(tx, row, 500, NOW), "nobody said that it is being sent"
    assert outbox.mark_sending(tx, row, after(1))
    assert not outbox.mark_sending(tx, row, after(2))
    assert outbox.mark_sent(tx, row, 500, after(3))
    assert not outbox.mark_sent(tx, row, 501, after(4))
    assert not outbox.retry_later(tx, row, after(5))
    assert not outbox.drop(tx, row, "too_late")
    assert outbox.sent_message_id(tx, row) == 500
    sent = outbox.get(tx, row)
    assert sent is not None
    assert (sent.attempts, sent.tried_at, sent.sent_at) == (1, after(1), after(3))


def test_each_attempt_is_counted(tx: Transaction) -> None:
    row = outbox.add(tx, new_row())
    for _ in range(3):
        outbox.mark_sending(tx, row, NOW)
        outbox.retry_later(tx, row, NOW)
    found = outbox.get(tx, row)
    assert found is not None
    assert found.attempts == 3


def test_a_dropped_row_lets_its_lane_go_on(tx: Transaction) -> None:
    head = outbox.add(tx, new_row("a"))
    following = outbox.add(tx, new_row("a"))
    assert outbox.drop(tx, head, "channel_gone")
    assert ready(tx) == [following]
    assert outbox.sent_message_id(tx, head) is None
    assert outbox.count_pending(tx) == 1


def test_a_restart_finds_what_may_have_been_sent(tx: Transaction) -> None:
    ids = [outbox.add(tx, new_row(lane)) for lane in "abc"]
    outbox.mark_sending(tx, ids[1], after(1))
    interrupted = outbox.interrupted_sends(tx)
    assert [(row.id, row.tried_at) for row in interrupted] == [(ids[1], after(1))]


def test_newer_progress_takes_the_place_of_older(tx: Transaction) -> None:
    job = make_job(tx)
    first = outbox.add_or_replace(tx, progress(job.id, 1, not_before=after(5)))
    following = outbox.add(tx, new_row("topic", job_id=job.id, role="end"))
    assert outbox.add_or_replace(tx, progress(job.id, 2, not_before=after(9))) == first
    row = outbox.get(tx, first)
    assert row is not None
    assert row.facts == {"done": 2}
    assert row.not_before == after(5), "what comes later does not put it off"
    assert outbox.count_pending(tx) == 2
    assert following > first


@pytest.mark.parametrize("seconds", [1, None])
def test_newer_progress_may_be_in_a_greater_hurry(tx: Transaction, seconds: float | None) -> None:
    job = make_job(tx)
    first = outbox.add_or_replace(tx, progress(job.id, 1, not_before=after(5)))
    at = None if seconds is None else after(seconds)
    assert outbox.add_or_replace(tx, progress(job.id, 2, not_before=at)) == first
    row = outbox.get(tx, first)
    assert row is not None
    assert row.not_before == at


def test_progress_that_is_being_sent_is_not_touched(tx: Transaction) -> None:
    job = make_job(tx)
    first = outbox.add_or_replace(tx, progress(job.id, 1))
    outbox.mark_sending(tx, first, NOW)
    second = outbox.add_or_replace(tx, progress(job.id, 2))
    assert second != first
    sending = outbox.get(tx, first)
    assert sending is not None
    assert sending.facts == {"done": 1}


def test_progress_of_other_jobs_and_other_kinds_is_left_alone(tx: Transaction) -> None:
    job, other = make_job(tx), make_job(tx)
    rows = [
        outbox.add_or_replace(tx, progress(job.id, 1)),
        outbox.add_or_replace(tx, progress(other.id, 1)),
        outbox.add_or_replace(tx, new_row("topic", job_id=job.id, role="end", kind="job_ended")),
    ]
    assert len(set(rows)) == 3


@pytest.mark.parametrize("role", ["card", "status", "end"])
def test_a_sent_message_is_remembered_on_its_job_by_role(tx: Transaction, role: str) -> None:
    job = make_job(tx)
    send(tx, outbox.add(tx, new_row(job_id=job.id)), 500)
    send(tx, outbox.add(tx, new_row(job_id=job.id, role=role)), 501)
    found = job_store.get(tx, job.id)
    assert found is not None
    assert found.anchor_message_id == 500, "the first message marks the topic"
    assert getattr(found, f"{role}_message_id") == 501


def test_a_new_status_message_takes_over(tx: Transaction) -> None:
    job = make_job(tx)
    for message_id in (500, 501):
        send(tx, outbox.add(tx, new_row(job_id=job.id, role="status")), message_id)
    found = job_store.get(tx, job.id)
    assert found is not None
    assert (found.anchor_message_id, found.status_message_id) == (500, 501)


def test_a_reaction_is_no_message_of_the_job(tx: Transaction) -> None:
    job = make_job(tx)
    send(tx, outbox.add(tx, new_row(action="react", job_id=job.id)), 77)
    send(tx, outbox.add(tx, new_row(action="edit", job_id=job.id, role="status")), None)
    found = job_store.get(tx, job.id)
    assert found is not None
    assert (found.anchor_message_id, found.status_message_id) == (None, None)
    assert not outbox.is_own_message(tx, 77)


def test_the_request_for_consent_learns_its_message(tx: Transaction) -> None:
    job = make_job(tx)
    approval_store.create(tx, NewRequest(job.id, "f", "confirmation", IAGO, 1, after(60)))
    send(tx, outbox.add(tx, new_row(job_id=job.id, role="card")), 500)
    request = approval_store.by_message(tx, 500)
    assert request is not None
    assert request.job_id == job.id


def test_own_messages_are_known_within_their_epoch(tx: Transaction) -> None:
    send(tx, outbox.add(tx, new_row("a")), 500)
    assert outbox.is_own_message(tx, 500)
    assert not outbox.is_own_message(tx, 501)
    epochs.begin(tx, same_server=True, reason="reused", actor="root", at=NOW)
    assert not outbox.is_own_message(tx, 500), "that id may be anybody's now"
    assert outbox.last_sent_in_lane(tx, "a") is None


def test_the_last_message_of_a_lane_is_known(tx: Transaction) -> None:
    for message_id in (500, 501):
        send(tx, outbox.add(tx, new_row("a")), message_id)
    send(tx, outbox.add(tx, new_row("a", action="edit")), None)
    send(tx, outbox.add(tx, new_row("b")), 502)
    assert outbox.last_sent_in_lane(tx, "a") == 501
    assert outbox.last_sent_in_lane(tx, "c") is None


def test_it_is_known_whether_anything_was_said_about_a_job(tx: Transaction) -> None:
    job, other = make_job(tx), make_job(tx)
    outbox.drop(tx, outbox.add(tx, new_row(job_id=job.id)), "channel_gone")
    assert outbox.has_rows_of_job(tx, job.id)
    assert not outbox.has_rows_of_job(tx, other.id)


def test_what_was_sent_long_ago_costs_nothing(tx: Transaction) -> None:
    with recorded_plans(tx) as plans:
        outbox.next_ready(tx, NOW)
        outbox.next_ready(tx, NOW, reactions=True)
        outbox.next_ready(tx, NOW, reactions=False)
        outbox.interrupted_sends(tx)
        outbox.is_own_message(tx, 1)
        outbox.has_rows_of_job(tx, 1)
        outbox.last_sent_in_lane(tx, "a")
        outbox.pending_in_lane(tx, "a")
        outbox.count_pending(tx)
    assert plans
    for line in plans:
        assert not line.startswith("SCAN outbox") or "outbox_pending" in line, plans


class Sending(RuleBasedStateMachine):
    """Any order of adding, sending, failing and restarting, against a list in memory."""

    rows = Bundle("rows")
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self._transaction = self.database.write()
        self.tx = self._transaction.__enter__()
        self.tx.exec_driver_sql("DELETE FROM outbox")
        self.jobs = [make_job(self.tx).id for _ in range(2)]
        self.known: dict[int, dict[str, Any]] = {}
        self.sent: list[tuple[str, int]] = []
        self.now = 0

    def teardown(self) -> None:
        self._transaction.__exit__(None, None, None)

    @rule(target=rows, lane=st.sampled_from("ab"), priority=st.integers(0, 3))
    def add(self, lane: str, priority: int) -> int:
        row = outbox.add(self.tx, new_row(lane, priority=priority))
        self.known[row] = {"lane": lane, "priority": priority, "status": "new", "rests": 0}
        return row

    @rule(target=rows, job=st.integers(0, 1), done=st.integers(0, 99))
    def say_progress(self, job: int, done: int) -> int:
        row = outbox.add_or_replace(self.tx, progress(self.jobs[job], done))
        key = ("progress", self.jobs[job])
        pending = [
            number
            for number, known in self.known.items()
            if known.get("key") == key and known["status"] == "new"
        ]
        assert not pending or row == max(pending)
        found = outbox.get(self.tx, row)
        assert found is not None
        assert found.facts == {"done": done}
        self.known.setdefault(
            row, {"lane": "topic", "priority": 3, "status": "new", "rests": 0, "key": key}
        )
        # Newer facts go when the first of the two would have gone, and these may go at once.
        self.known[row]["rests"] = 0
        return row

    @rule()
    def take_the_next(self) -> None:
        ready = outbox.next_ready(self.tx, after(self.now), 1)
        if ready:
            assert outbox.mark_sending(self.tx, ready[0].id, after(self.now))
            self.known[ready[0].id]["status"] = "sending"

    @rule(row=rows)
    def arrive(self, row: int) -> None:
        known = self.known[row]
        was_sending = known["status"] == "sending"
        assert outbox.mark_sent(self.tx, row, 1000 + row, NOW) == was_sending
        if was_sending:
            known["status"] = "sent"
            self.sent.append((known["lane"], row))

    @rule(row=rows, seconds=st.integers(0, 3))
    def fail(self, row: int, seconds: int) -> None:
        known = self.known[row]
        pending = known["status"] in ("new", "sending")
        assert outbox.retry_later(self.tx, row, after(self.now + seconds)) == pending
        if pending:
            known.update(status="new", rests=self.now + seconds)

    @rule(row=rows)
    def give_up(self, row: int) -> None:
        known = self.known[row]
        pending = known["status"] in ("new", "sending")
        assert outbox.drop(self.tx, row, "told") == pending
        if pending:
            known["status"] = "dropped"

    @rule()
    def restart(self) -> None:
        interrupted = {row.id for row in outbox.interrupted_sends(self.tx)}
        assert interrupted == {
            row for row, known in self.known.items() if known["status"] == "sending"
        }

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def offers_exactly_the_heads_that_may_go(self) -> None:
        pending: dict[str, list[int]] = {}
        for row in sorted(self.known):
            if self.known[row]["status"] in ("new", "sending"):
                pending.setdefault(self.known[row]["lane"], []).append(row)
        expected = [
            (min(self.known[row]["priority"] for row in rows), rows[0])
            for rows in pending.values()
            if self.known[rows[0]]["status"] == "new" and self.known[rows[0]]["rests"] <= self.now
        ]
        offered = outbox.next_ready(self.tx, after(self.now))
        assert [row.id for row in offered] == [row for _, row in sorted(expected)]
        assert outbox.count_pending(self.tx) == sum(len(rows) for rows in pending.values())

    @invariant()
    def sends_each_lane_in_order(self) -> None:
        for lane in ("a", "b", "topic"):
            order = [row for of_lane, row in self.sent if of_lane == lane]
            assert order == sorted(order)


def test_any_course_of_sending_keeps_the_order(db: Database) -> None:
    machine = type("SendingHere", (Sending,), {"database": db})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
    )


def test_rows_are_plain_data(tx: Transaction) -> None:
    row = outbox.get(tx, outbox.add(tx, new_row()))
    assert isinstance(row, Row)
    assert not hasattr(row, "__dict__")
