"""A command is taken in once and settled once."""

from datetime import UTC, datetime

from state import inbox
from state.database import Database, Transaction
from tests.state.query_plans import recorded_plans
from tests.state.sample_rows import NOW, after, make_job, new_entry


def test_a_command_comes_back_as_it_arrived(tx: Transaction) -> None:
    new = new_entry(content="@ops status\n\u202e\x00‘now’ 🐙")
    entry = inbox.add(tx, new)
    assert entry is not None
    assert {name: getattr(entry, name) for name in new.__slots__} == {
        name: getattr(new, name) for name in new.__slots__
    }
    assert entry.status == "received"


def test_what_was_seen_before_is_not_taken_in_again(db: Database) -> None:
    with db.write() as tx:
        assert inbox.add(tx, new_entry()) is not None
    with db.write() as tx:
        assert inbox.add(tx, new_entry(content="@ops upgrade 10.4")) is None
        assert [entry.content for entry in inbox.open_entries(tx)] == ["@ops status"]


def test_the_same_message_id_in_another_epoch_is_another_command(tx: Transaction) -> None:
    first = inbox.add(tx, new_entry())
    second = inbox.add(tx, new_entry(source_key="chat/2/1", epoch=2))
    assert first is not None
    assert second is not None
    assert inbox.by_message(tx, 1, 1) == first
    assert inbox.by_message(tx, 2, 1) == second
    assert inbox.by_message(tx, 3, 1) is None


def test_a_refusal_is_noted_on_what_was_taken_in(tx: Transaction) -> None:
    entry = inbox.add(tx, new_entry())
    assert entry is not None
    refused = inbox.refuse(tx, entry.id, "too_many")
    assert refused is not None
    assert (refused.refusal, refused.status) == ("too_many", "received")
    assert inbox.get(tx, entry.id) == refused


def test_a_command_is_answered_once(tx: Transaction) -> None:
    entry = inbox.add(tx, new_entry())
    assert entry is not None
    job = make_job(tx, inbox_id=entry.id)
    assert inbox.answer(tx, entry.id, None, job.id, after(1))
    assert not inbox.answer(tx, entry.id, "too_old", None, after(2))
    answered = inbox.get(tx, entry.id)
    assert answered is not None
    assert (answered.status, answered.reason, answered.job_id) == ("answered", None, job.id)
    assert answered.answered_at == after(1)


def test_open_entries_are_in_order_of_arrival_and_found_by_an_index(tx: Transaction) -> None:
    entries = [inbox.add(tx, new_entry(number)) for number in (30, 10, 20)]
    assert entries[1] is not None
    inbox.answer(tx, entries[1].id, "not_permitted", None, NOW)
    with recorded_plans(tx) as plans:
        found = inbox.open_entries(tx)
    assert [entry.message_id for entry in found] == [30, 20]
    assert plans == ["SCAN inbox USING INDEX inbox_open"]


def test_text_that_utf_8_cannot_carry_does_not_stop_the_bot(tx: Transaction) -> None:
    entry = inbox.add(tx, new_entry(content="@ops \ud800", sender_name="\udfff", topic="\ud83d"))
    assert entry is not None
    assert (entry.content, entry.sender_name, entry.topic) == ("@ops ?", "?", "?")


def test_times_come_back_in_utc_with_their_fractions(tx: Transaction) -> None:
    at = datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=UTC)
    entry = inbox.add(tx, new_entry(sent_at=at))
    assert entry is not None
    assert entry.sent_at == at
    assert entry.sent_at.tzinfo is UTC


def test_an_unknown_entry_is_none(tx: Transaction) -> None:
    assert inbox.get(tx, 404) is None
    assert not inbox.answer(tx, 404, None, None, NOW)


def test_a_command_is_found_by_where_it_came_from(tx: Transaction) -> None:
    entry = inbox.add(tx, new_entry(source_key="schedule/nightly/2026-11-23"))
    assert inbox.by_source(tx, "schedule/nightly/2026-11-23") == entry
    assert inbox.by_source(tx, "schedule/nightly/2026-11-24") is None
