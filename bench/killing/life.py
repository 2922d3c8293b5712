"""One cycle as it is lived: bots die and are started again, and people do their part."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.killing.cycles import Cycle, Scene
from bench.killing.deaths import Deaths
from bench.killing.nursery import Nursery
from bench.killing.people import People
from bench.killing.quick_bot import AHEAD
from jobs.lifecycle import FINAL
from jobs.runs import process_tree
from jobs.runs.crashpoints import CRASH_AT
from state import inbox, job_store, outbox
from state.database import Transaction
from state.job_store import Job
from tests.acceptance.conversation import Conversation

#: From the command until everything is settled; machines are slow at times.
LIMIT = timedelta(seconds=100)
#: Whoever is to die when all is done does so by then.
_LAST_DEATH = timedelta(seconds=2)
_POLL_SECONDS = 0.04
#: Longer than a plan waits for consent.
_LATER = timedelta(minutes=61)

#: Told the place at which a bot has just died.
Doctor = Callable[[Conversation, str], None]


def nothing(_talk: Conversation, _place: str) -> None:
    """The world is left as death has left it."""


@dataclass(slots=True)
class Life:
    """From the command to the end of everything that it led to."""

    talk: Conversation
    cycle: Cycle
    people: People
    nursery: Nursery
    after_job: int
    log: Path
    limit: timedelta = LIMIT
    doctor: Doctor = nothing
    _old_folders: frozenset[Path] = frozenset()
    _is_later: bool = False
    _deaths: Deaths = field(init=False)

    def __post_init__(self) -> None:
        self._old_folders = frozenset(self.talk.run_folders())
        self._deaths = Deaths(self.cycle, self.log)

    def lead(self) -> str:
        """Until all is settled, with nobody left alive; why that never came, if so."""
        with self.people.holding:
            self.people.begin()
            self._start()
            try:
                return self._go_on()
            finally:
                self.talk.kill_bot()

    def _go_on(self) -> str:
        give_up = time.monotonic() + self.limit.total_seconds()
        settled_at: float | None = None
        while time.monotonic() < give_up:
            if self._is_dead():
                self._raise_another()
            jobs = jobs_after(self.talk, self.after_job)
            self.people.go_on(jobs)
            self._let_time_pass(jobs)
            if not self._is_settled(jobs):
                settled_at = None
            elif not self._deaths.is_bot_to_die():
                return ""
            else:
                settled_at = settled_at or time.monotonic()
                if time.monotonic() - settled_at > _LAST_DEATH.total_seconds():
                    return ""
            time.sleep(_POLL_SECONDS)
        return f"it never came to rest\n{self.talk.told()}\n{self._last_lines()}"

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])

    def _is_dead(self) -> bool:
        process = self.talk.process
        assert process is not None
        return process.poll() is not None

    def _raise_another(self) -> None:
        process = self.talk.process
        assert process is not None
        assert process.returncode == -signal.SIGKILL, f"{self.cycle}: {self._last_lines()}"
        self.doctor(self.talk, self._deaths.of_bots()[-1])
        self._start()

    def _start(self) -> None:
        awaited = self._deaths.awaited()
        more = {CRASH_AT: awaited} if awaited else {}
        if self._is_later:
            more[AHEAD] = str(_LATER.total_seconds())
        self.talk.process = self.nursery.start(self.talk.stage.configuration, more, self.log)

    def _let_time_pass(self, jobs: list[Job]) -> None:
        """The next bot finds that an hour has passed since the plan was posted."""
        if self.cycle.scene is not Scene.EXPIRY or self._is_later or not jobs:
            return
        if self.people.card_of(jobs[0]) is not None:
            self._is_later = True
            self.talk.kill_bot()
            self._start()

    def _is_settled(self, jobs: list[Job]) -> bool:
        """Whether the job has ended and nobody has anything left to say or to do."""
        if not jobs or any(job.status not in FINAL for job in jobs):
            return False

        def look(tx: Transaction) -> bool:
            return outbox.count_pending(tx) == 0 and not inbox.open_entries(tx)

        return self.talk.read(look) and not any(map(process_tree.members, self.run_folders()))

    def run_folders(self) -> list[Path]:
        """Those of this cycle."""
        return [each for each in self.talk.run_folders() if each not in self._old_folders]


def jobs_after(talk: Conversation, job_id: int) -> list[Job]:
    """Newer than that one, the newest first."""
    found = talk.read(lambda tx: job_store.page(tx, limit=5))
    return [job for job in found if job.id > job_id]
