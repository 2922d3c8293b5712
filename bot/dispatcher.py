"""Takes one event at a time, for as long as the bot runs."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue

from bot.deciding.decisions import Decisions
from bot.dispatching.handling import Handling, survived
from bot.dispatching.postponed import Postponed
from bot.events import Event, HostAnswer, HostCommand, ScheduleDue, Stop, Tick, ZulipEvents
from bot.hands import Hands
from handlers.contract import Clock
from state.database import Database, DatabaseUnusable

#: How often it looks up without an event: whether new facts arrived for somebody who waits.
_PAUSE_SECONDS = 0.2


class Dispatcher:
    """The one thread that decides; every other thread only puts events into `events`."""

    def __init__(
        self, database: Database, clock: Clock, decisions: Decisions, hands: Hands
    ) -> None:
        self.events: SimpleQueue[Event] = SimpleQueue()
        self._handling = Handling(database, clock, decisions, hands)
        self._postponed = Postponed(self._recover)

    def run(self) -> None:
        """Until Stop: what was left open first, then events as they come."""
        do = self._handling
        for work in (do.reopen, do.find_runs, do.start_what_may):
            self._insist(work)
        while True:
            try:
                event = self.events.get(timeout=_PAUSE_SECONDS)
            except Empty:
                self._postponed.try_again()
                self._attempt(do.look_at_facts)
                continue
            if isinstance(event, Stop):
                return
            self._postponed.try_again()
            self._take(event)

    def _take(self, event: Event) -> None:
        """Whatever one event brings, the next one is still taken; while the database refuses, what
        does not come again by itself waits."""
        self._attempt(self._handling.take_present_policy)
        match event:
            case ZulipEvents():
                if not self._attempt(partial(self._handling.take_batch, event)):
                    event.receipt.refuse()
            case HostCommand():
                if not self._attempt(partial(self._handling.host_command, event)):
                    event.answers.put(HostAnswer(self._postponed.sentence, is_refusal=True))
            case Tick() | ScheduleDue():
                self._attempt(self._handling.tick)
            case _:
                self._insist(partial(self._handling.handle, event))

    def _insist(self, work: Callable[[], None]) -> None:
        """Now, or when the database takes it."""
        if not self._attempt(work):
            self._postponed.keep(lambda: survived(work))

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Now or not at all; false when the database refuses."""
        if self._postponed.is_refused:
            return False
        try:
            survived(work)
        except DatabaseUnusable as error:
            self._postponed.refused(error)
            return False
        return True

    def _recover(self, lasted: timedelta) -> None:
        self._handling.recovered(self._postponed.sentence, lasted)
