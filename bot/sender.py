"""Delivers the outbox: in order within each lane, each message once, the urgent first."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.events import Event, RowDropped, RowSent
from bot.sending.delivery import Delivery, is_changed
from bot.sending.letters import Letters, Render
from bot.sending.pacing import Allowance, Backoff
from bot.sending.row_ends import Changed, Drop, Sent, Unclear, Wait
from bot.zulip_api.answers import Failure, RateLimited, Rejected, Unauthorized, sentence
from bot.zulip_client import ZulipClient
from handlers.contract import Clock
from jobs.runs.crashpoints import crashpoint
from state import anchors, job_store, outbox
from state.database import Database, DatabaseUnusable, Transaction
from state.outbox import Row

logger = logging.getLogger(__name__)

#: The outbox is looked at this often even when nobody has told of a new row.
LOOK_EVERY = timedelta(seconds=1)
#: A message that the server may still be storing is looked for until it has had so long.
SETTLE = timedelta(seconds=3)
#: How often it is looked for in that time.
LOOKS = 4
#: One message that Zulip always fails on must not hold up all others.
TRIES_IN_FRONT = 3
STEP_ASIDE = timedelta(seconds=5)
#: The longest pause of a lane whose message is sent again.
LONGEST_REPEAT_SECONDS = 15
SLOW_RETRY = timedelta(seconds=60)
NO_WAIT = timedelta(0)
#: Both threads wake together, and two that compute at once share one interpreter: 👀 goes first.
AFTER_REACTIONS = timedelta(milliseconds=5)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the sender is; tests are in more of a hurry."""

    settle: timedelta = SETTLE
    slow_retry: timedelta = SLOW_RETRY
    allowance: Allowance = field(default_factory=Allowance)
    backoff: Callable[[], Backoff] = Backoff


class Sender:
    """Two threads that deliver the outbox: one for reactions, one for everything else."""

    def __init__(
        self,
        client: ZulipClient,
        database: Database,
        render: Render,
        clock: Clock,
        tell: Callable[[Event], None],
        pace: Pace | None = None,
    ) -> None:
        """`render` makes words of kind and facts; `tell` hears of rows that are sent or dropped."""
        pace = pace or Pace()

        def worker(name: str, own: ZulipClient, *, reactions: bool) -> _Worker:
            letters = Letters(own, database, render, clock, pace.allowance)
            delivery = Delivery(own, database, letters, clock, pace.allowance)
            scope = _Scope(database, clock, tell, pace, reactions=reactions)
            return _Worker(name, own, delivery, scope)

        self._workers = (
            worker("sender-reactions", client.another(), reactions=True),
            worker("sender", client, reactions=False),
        )

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def notify(self) -> None:
        """There are new rows."""
        for worker in self._workers:
            worker.wake()

    def retry_now(self) -> None:
        """Zulip is back: wait no longer."""
        for worker in self._workers:
            worker.retry_now()

    def hold_back(self, at_most: timedelta) -> None:
        """Send nothing until `retry_now`, whatever Zulip would take."""
        for worker in self._workers:
            worker.hold_back(at_most)

    def stop(self, timeout: timedelta = timedelta(seconds=2)) -> bool:
        """Finish the calls under way, or cut them; True once both threads have ended."""
        for worker in self._workers:
            worker.begin_stop()
        give_up = time.monotonic() + timeout.total_seconds()
        ended = [worker.end_stop(give_up) for worker in self._workers]
        return all(ended)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What both threads share, and what this one is for."""

    database: Database
    clock: Clock
    tell: Callable[[Event], None]
    pace: Pace
    #: Of the two threads, the one for reactions: those wait neither for long posts nor uploads.
    reactions: bool


class _Worker:
    """One thread of the sender."""

    def __init__(self, name: str, client: ZulipClient, delivery: Delivery, scope: _Scope) -> None:
        self._client = client
        self._delivery = delivery
        self._scope = scope
        self._backoff = scope.pace.backoff()
        #: When a row that was not found in Zulip counts as never sent (monotonic seconds).
        self._settled_at: dict[int, float] = {}
        self._looked_at: dict[int, float] = {}
        self._tries: dict[int, int] = {}
        #: Nothing is sent before (monotonic seconds).
        self._held_until = 0.0
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._retry = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def hold_back(self, at_most: timedelta) -> None:
        self._held_until = time.monotonic() + at_most.total_seconds()

    def retry_now(self) -> None:
        self._held_until = 0.0
        self._retry.set()
        self._wake.set()

    def begin_stop(self) -> None:
        self._stopping.set()
        self.retry_now()

    def end_stop(self, give_up: float) -> bool:
        self._thread.join(max(0.0, (give_up - time.monotonic()) / 2))
        while self._thread.is_alive() and time.monotonic() < give_up:
            # A message that is cut off here is looked for at the next start.
            self._client.interrupt()
            self._thread.join(0.02)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            # Not in the pause: what is heard during an attempt shortens the pause after it.
            self._retry.clear()
            if not self._scope.reactions:
                self._stopping.wait(AFTER_REACTIONS.total_seconds())
            try:
                wait = self._round()
            except DatabaseUnusable as error:
                logger.error("The outbox cannot be used: %s", error.message)
                self._pause(self._backoff.next_wait())
                continue
            if wait:
                self._wake.wait(wait.total_seconds())
        self._client.close()

    def _round(self) -> timedelta:
        """Do one thing; how long to rest after it."""
        with self._scope.database.read() as tx:
            unclear = [] if self._scope.reactions else outbox.interrupted_sends(tx)
            ready = outbox.next_ready(
                tx, self._scope.clock.now(), 1, reactions=self._scope.reactions
            )
        # After the reading: what is put there from the holding back on is held back too.
        held = self._held_until - time.monotonic()
        if held > 0:
            self._retry.wait(held)
            return NO_WAIT
        for row in unclear:
            if self._is_due(row):
                return self._look_for(row)
        if ready:
            (row,) = ready
            wait = self._scope.pace.allowance.take(row.priority)
            # Something more urgent may come in while this one waits.
            return min(wait, LOOK_EVERY) or self._attempt(row)
        return min(LOOK_EVERY, self._scope.pace.settle / LOOKS) if unclear else LOOK_EVERY

    def _attempt(self, row: Row) -> timedelta:
        began = time.monotonic()
        end = self._delivery.deliver(row)
        match end:
            case Unclear(why):
                logger.info("Row %s of the outbox may have been sent: %s.", row.id, why)
                # A server that is slow to answer may be as slow to store.
                took = time.monotonic() - began
                settle = self._scope.pace.settle.total_seconds()
                self._settled_at[row.id] = time.monotonic() + 3 * took + settle
                return NO_WAIT
            case Changed():
                return NO_WAIT
            case Wait(failure):
                self._give_back(row)
                return self._rest(failure)
        return self._finish(row, end)

    def _give_back(self, row: Row) -> None:
        """It is tried again; what fails again and again lets other lanes go first."""
        tries = self._tries[row.id] = self._tries.get(row.id, 0) + 1
        wait = STEP_ASIDE if tries >= TRIES_IN_FRONT else NO_WAIT
        with self._scope.database.write() as tx:
            outbox.retry_later(tx, row.id, self._scope.clock.now() + wait)

    def _look_for(self, row: Row) -> timedelta:
        """Search a message that may have been sent; after some time it counts as not sent."""
        looked_at = time.monotonic()
        end = self._delivery.look_for(row)
        match end:
            case Unclear():
                self._looked_at[row.id] = looked_at
                if looked_at >= self._settled(row):
                    self._send_again(row)
                return NO_WAIT
            case Wait(failure):
                return self._rest(failure)
        return self._finish(row, end)

    def _is_due(self, row: Row) -> bool:
        """Looked for at once, and then now and again."""
        looked_at = self._looked_at.get(row.id)
        pause = self._scope.pace.settle.total_seconds() / LOOKS
        return looked_at is None or time.monotonic() - looked_at >= pause

    def _settled(self, row: Row) -> float:
        """When a message that is not in Zulip was never sent, by our monotonic clock."""
        if row.id not in self._settled_at:
            # Left by the process before this one; a clock that was set back must not hold it up.
            settle = self._scope.pace.settle
            left = settle - (self._scope.clock.now() - (row.tried_at or row.created_at))
            is_settled = left <= NO_WAIT
            until = time.monotonic() + min(left, settle).total_seconds()
            self._settled_at[row.id] = 0.0 if is_settled else until
        return self._settled_at[row.id]

    def _send_again(self, row: Row) -> None:
        wait = timedelta(seconds=min(2 ** min(row.attempts - 1, 10) - 1, LONGEST_REPEAT_SECONDS))
        with self._scope.database.write() as tx:
            outbox.retry_later(tx, row.id, self._scope.clock.now() + wait)
        self._forget(row)

    def _finish(self, row: Row, end: Sent | Drop) -> timedelta:
        """Record how it ended; what follows in the lane may go."""
        if isinstance(end, Drop):
            logger.error("Row %s of the outbox (%s) is dropped: %s", row.id, row.kind, end.why)
            with self._scope.database.write() as tx:
                outbox.drop(tx, row.id, end.why)
            self._scope.tell(RowDropped(row.id, row.job_id, row.role, end.why))
        else:
            with self._scope.database.write() as tx:
                _record(tx, row, end, self._scope.clock.now())
            crashpoint("row_closed")
            self._scope.tell(RowSent(row.id, row.job_id, row.role, end.message_id))
        self._forget(row)
        self._backoff.worked()
        return NO_WAIT

    def _forget(self, row: Row) -> None:
        self._settled_at.pop(row.id, None)
        self._looked_at.pop(row.id, None)
        self._tries.pop(row.id, None)

    def _rest(self, failure: Failure) -> timedelta:
        """Wait until Zulip may be back; new rows do not shorten that."""
        logger.info("The outbox waits. %s", sentence(failure))
        match failure:
            case RateLimited(after):
                self._pause(after)
            case Unauthorized() | Rejected():
                self._pause(self._scope.pace.slow_retry)
            case _:
                self._pause(self._backoff.next_wait())
        return NO_WAIT

    def _pause(self, time_span: timedelta) -> None:
        if not self._stopping.is_set():
            self._retry.wait(time_span.total_seconds())


def _record(tx: Transaction, row: Row, end: Sent, now: datetime) -> None:
    """Rows that may be repeated were not marked before; the id of a new message is kept."""
    if row.action == "edit" and end.message_id is None and is_changed(tx, row):
        # Newer facts came while the older ones were sent.
        return
    outbox.mark_sending(tx, row.id, now)
    outbox.mark_sent(tx, row.id, end.message_id, now)
    if end.message_id is None:
        return
    if end.place is not None and (row.role is not None or row.target["type"] == "topic"):
        anchors.remember(tx, end.message_id, end.place.channel_id, end.place.topic, now)
    if row.action == "edit" and row.job_id is not None:
        # The first status message, or one that took over.
        job_store.change(tx, row.job_id, status_message_id=end.message_id)
