"""The door to APScheduler: it wakes the dispatcher when something may be due."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from handlers.contract import Clock
from jobs.schedules import Recurrence, next_due

#: APScheduler sleeps on a monotonic clock and does not see the wall clock being set forward.
_HEARTBEAT = timedelta(seconds=20)


class _DueTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler carries no types
    """Fires at the moments that cronsim gives: APScheduler's own trigger loses midnight runs on
    the day after clocks go forward (seen with 3.11.3)."""

    def __init__(self, recurrence: Recurrence, clock: Clock) -> None:
        self._recurrence = recurrence
        self._clock = clock

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, _now: datetime
    ) -> datetime | None:
        return next_due(self._recurrence, previous_fire_time or self._clock.now())


class Scheduler:
    """Calls `on_due` when a schedule may be due, and `on_tick` every twenty seconds.

    What is really owed is reckoned from the database, so a call too many does no harm.
    """

    def __init__(
        self, clock: Clock, *, on_due: Callable[[str], None], on_tick: Callable[[], None]
    ) -> None:
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._clock = clock
        self._on_due = on_due
        self._followed: dict[str, Recurrence] = {}
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_job(on_tick, IntervalTrigger(seconds=_HEARTBEAT.seconds))

    def add(self, name: str, every: timedelta, call: Callable[[], None]) -> None:
        """Something of the bot's own that recurs at an interval, such as a look at the host."""
        self._scheduler.add_job(call, IntervalTrigger(seconds=int(every.total_seconds())), id=name)

    def start(self, schedules: Mapping[str, Recurrence]) -> None:
        self.follow(schedules)
        self._scheduler.start()

    def follow(self, schedules: Mapping[str, Recurrence]) -> None:
        """Wake for these from now on, and for no others; from any thread, also while it runs."""
        for name in self._followed.keys() - schedules.keys():
            if self._scheduler.get_job(f"due/{name}") is not None:
                self._scheduler.remove_job(f"due/{name}")
        for name, recurrence in schedules.items():
            if self._followed.get(name) != recurrence:
                self._scheduler.add_job(
                    self._on_due,
                    _DueTrigger(recurrence, self._clock),
                    args=[name],
                    id=f"due/{name}",
                    replace_existing=True,
                )
        self._followed = dict(schedules)

    def next_wake(self, name: str) -> datetime | None:
        """When the schedule `name` will next be looked at."""
        job = self._scheduler.get_job(f"due/{name}")
        wake: datetime | None = job.next_run_time if job else None
        return wake

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
