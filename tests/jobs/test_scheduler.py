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
