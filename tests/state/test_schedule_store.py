"""Schedules mirror the file, and each due time makes one job."""

from dataclasses import replace

from state import audit_log, schedule_store
from state.database import Database, Transaction
from state.schedule_store import Grant, NewSchedule, Schedule
from tests.state.sample_rows import NOW, after, make_job

NIGHTLY = NewSchedule("nightly", "backup now", "0 2 * * *", "Europe/Berlin", "once", 60)
HOURLY = NewSchedule("hourly", "status", "0 * * * *", "UTC", "skip", 5)


def nightly(tx: Transaction) -> Schedule:
    found = schedule_store.get(tx, "nightly")
    assert found is not None
    return found


def names(tx: Transaction) -> list[str]:
    return [schedule.name for schedule in schedule_store.all_schedules(tx)]


def test_what_the_file_says_is_in_force(tx: Transaction) -> None:
    schedule_store.sync_from_file(tx, [NIGHTLY, HOURLY], NOW)
    assert names(tx) == ["hourly", "nightly"]
    assert nightly(tx) == Schedule(
        "nightly", "backup now", "0 2 * * *", "Europe/Berlin", "once", 60, "file", False, None, NOW
    )
    schedule_store.sync_from_file(tx, [NIGHTLY], after(1))
    assert names(tx) == ["nightly"]


def test_a_file_that_did_not_change_changes_nothing(tx: Transaction) -> None:
    schedule_store.sync_from_file(tx, [NIGHTLY], NOW)
    schedule_store.record_due(tx, "nightly", after(10), after(11), caught_up=False)
    before, head = nightly(tx), audit_log.head(tx)
    schedule_store.sync_from_file(tx, [NIGHTLY], after(100))
    assert nightly(tx) == before
    assert audit_log.head(tx) == head


def test_another_timing_starts_counting_anew(tx: Transaction) -> None:
    schedule_store.sync_from_file(tx, [NIGHTLY], NOW)
    schedule_store.record_due(tx, "nightly", after(10), after(11), caught_up=False)
    schedule_store.sync_from_file(tx, [replace(NIGHTLY, command="backup now --yes")], after(20))
    assert nightly(tx).last_due_at == after(10), "the same times as before"
    schedule_store.sync_from_file(tx, [replace(NIGHTLY, cron="30 2 * * *")], after(30))
    assert (nightly(tx).last_due_at, nightly(tx).created_at) == (None, after(30))


def test_schedules_made_in_chat_stay_unless_the_file_takes_their_name(tx: Transaction) -> None:
    schedule_store.put(tx, NIGHTLY, source="chat", actor="user/11", at=NOW)
    schedule_store.sync_from_file(tx, [HOURLY], NOW)
    assert names(tx) == ["hourly", "nightly"]
    schedule_store.sync_from_file(tx, [HOURLY, NIGHTLY], NOW)
    assert nightly(tx).source == "file"


def test_changes_of_schedules_are_in_the_audit_log(tx: Transaction) -> None:
    schedule_store.put(tx, NIGHTLY, source="chat", actor="user/11", at=NOW)
    schedule_store.pause(tx, "nightly", actor="user/12", at=NOW)
    schedule_store.resume(tx, "nightly", actor="user/12", at=NOW)
    schedule_store.remove(tx, "nightly", actor="user/11", at=NOW)
    assert [(entry.actor, entry.action) for entry in reversed(audit_log.page(tx))] == [
        ("user/11", "schedule set"),
        ("user/12", "schedule paused"),
        ("user/12", "schedule resumed"),
        ("user/11", "schedule removed"),
    ]


def test_what_was_due_during_a_pause_was_not_missed(tx: Transaction) -> None:
    schedule_store.sync_from_file(tx, [NIGHTLY], NOW)
    assert schedule_store.pause(tx, "nightly", actor="user/11", at=after(1))
    assert not schedule_store.pause(tx, "nightly", actor="user/11", at=after(2))
    schedule_store.sync_from_file(tx, [NIGHTLY], after(3))
    assert nightly(tx).paused, "reading the file again does not end a pause"
    assert schedule_store.resume(tx, "nightly", actor="user/11", at=after(4))
    assert not schedule_store.resume(tx, "nightly", actor="user/11", at=after(5))
    assert (nightly(tx).paused, nightly(tx).created_at) == (False, after(4))


def test_a_due_time_is_claimed_once(db: Database) -> None:
    claims = []
    for seconds in (1, 2):
        with db.write() as tx:
            schedule_store.put(tx, NIGHTLY, source="file", actor="file", at=NOW)
            claims.append(
                schedule_store.record_due(tx, "nightly", NOW, after(seconds), caught_up=False)
            )
    assert claims == [True, False]


def test_a_clock_that_goes_back_does_not_move_the_watermark_back(tx: Transaction) -> None:
    schedule_store.sync_from_file(tx, [NIGHTLY], NOW)
    for seconds in (100, 50):
        assert schedule_store.record_due(
            tx, "nightly", after(seconds), after(seconds), caught_up=False
        )
    assert nightly(tx).last_due_at == after(100)


def test_past_runs_are_listed_newest_first_and_outlive_the_schedule(tx: Transaction) -> None:
    schedule_store.sync_from_file(tx, [NIGHTLY], NOW)
    for seconds in (1, 3, 2):
        schedule_store.record_due(tx, "nightly", after(seconds), after(9), caught_up=seconds == 3)
    schedule_store.sync_from_file(tx, [], after(10))
    runs = schedule_store.runs_of(tx, "nightly", 2)
    assert [(run.due_at, run.caught_up) for run in runs] == [(after(3), True), (after(2), False)]


def test_unknown_schedules_are_said_to_be_so(tx: Transaction) -> None:
    assert schedule_store.get(tx, "none") is None
    assert not schedule_store.remove(tx, "none", actor="user/11", at=NOW)
    assert not schedule_store.pause(tx, "none", actor="user/11", at=NOW)
    assert schedule_store.runs_of(tx, "none") == []


def test_a_schedule_keeps_the_consent_to_it_and_loses_it_to_the_file(tx: Transaction) -> None:
    job = make_job(tx)
    grant = Grant("routine", 5, "Iago", [6], job.id, "f" * 64, 1, "p" * 64)
    schedule_store.put(tx, NIGHTLY, source="chat", actor="chat:5", at=NOW, grant=grant)
    kept = nightly(tx)
    assert (kept.asker_id, kept.agreed_by, kept.job_id) == (5, [6], job.id)
    assert schedule_store.sync_from_file(tx, [NIGHTLY], after(1)) == ["nightly"]
    kept = nightly(tx)
    assert (kept.effect, kept.asker_id, kept.agreed_by, kept.job_id) == (None, None, [], None)


def test_a_suspended_schedule_goes_on_when_it_is_resumed_or_changed(tx: Transaction) -> None:
    schedule_store.put(tx, NIGHTLY, source="chat", actor="chat:5", at=NOW)
    assert schedule_store.suspend(tx, "nightly", "why", at=NOW)
    assert not schedule_store.suspend(tx, "nightly", "another", at=NOW)
    assert nightly(tx).suspended == "why"
    assert schedule_store.resume(tx, "nightly", actor="chat:5", at=after(1))
    assert (nightly(tx).suspended, nightly(tx).created_at) == (None, after(1))
    schedule_store.suspend(tx, "nightly", "why", at=NOW)
    changed = replace(NIGHTLY, grace_minutes=5)
    schedule_store.put(tx, changed, source="chat", actor="chat:5", at=after(2))
    assert nightly(tx).suspended is None


def test_a_run_out_of_turn_moves_no_due_time(tx: Transaction) -> None:
    schedule_store.sync_from_file(tx, [NIGHTLY], NOW)
    schedule_store.record_run(tx, "nightly", after(5), actor="chat:5")
    assert nightly(tx).last_due_at is None
    (run,) = schedule_store.runs_of(tx, "nightly")
    assert run.due_at == after(5)
    newest = audit_log.head(tx)
    assert newest is not None
    assert (newest.actor, newest.action) == ("chat:5", "schedule run")
