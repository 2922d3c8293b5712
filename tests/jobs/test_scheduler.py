"""The scheduler wakes others in time and keeps nothing."""

import threading
from datetime import UTC, datetime, timedelta

from jobs.scheduler import Scheduler
from jobs.schedules import Recurrence


class Now:
    """The real clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def test_what_recurs_at_an_interval_is_called_and_stopping_ends_it() -> None:
    called = threading.Event()
    scheduler = Scheduler(Now(), on_due=lambda _name: None, on_tick=lambda: None)
    scheduler.add("look", timedelta(seconds=1), called.set)
    scheduler.start({})
    assert called.wait(5)
    scheduler.stop()
    called.clear()
    assert not called.wait(1.2)


def test_a_schedule_is_planned_for_the_moment_cronsim_gives() -> None:
    scheduler = Scheduler(Now(), on_due=lambda _name: None, on_tick=lambda: None)
    recurrence = Recurrence("0 0 * * *", "Europe/Berlin", "once", timedelta(minutes=5))
    scheduler.start({"nightly": recurrence})
    try:
        planned = scheduler.next_wake("nightly")
    finally:
        scheduler.stop()
    assert planned is not None
    assert planned > datetime.now(UTC)
    assert planned.astimezone(UTC).hour in {22, 23}


def test_schedules_come_and_go_while_it_runs() -> None:
    scheduler = Scheduler(Now(), on_due=lambda _name: None, on_tick=lambda: None)
    daily = Recurrence("0 0 * * *", "UTC", "once", timedelta(minutes=5))
    hourly = Recurrence("30 * * * *", "UTC", "once", timedelta(minutes=5))
    scheduler.start({"one": daily})
    try:
        scheduler.follow({"one": daily, "two": hourly})
        added, kept = scheduler.next_wake("two"), scheduler.next_wake("one")
        scheduler.follow({"one": hourly})
        changed, gone = scheduler.next_wake("one"), scheduler.next_wake("two")
    finally:
        scheduler.stop()
    assert added is not None
    assert kept is not None
    assert changed is not None
    assert (added.minute, kept.hour, kept.minute, changed.minute, gone) == (30, 0, 0, 30, None)
