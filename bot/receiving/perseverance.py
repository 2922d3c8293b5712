"""Repeats what fails for as long as it takes, and gives up only when told to stop."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from bot.events import Event, ZulipEvent, ZulipEvents
from bot.receiving.outage import Outage
from bot.sending.pacing import Backoff
from bot.zulip_api.answers import Failure, Ok, RateLimited, Rejected, Unauthorized
from bot.zulip_api.calls import POLL_TIMEOUT
from state.cursor import Cursor

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the listener waits for what; tests are in more of a hurry."""

    #: A poll without so much as a heartbeat.
    silence: timedelta = POLL_TIMEOUT
    #: What will hardly come right by itself: a refused key, a redirect.
    slow_retry: timedelta = timedelta(seconds=60)
    #: A refused batch, or an empty answer (somebody else polls the same queue).
    pause: timedelta = timedelta(seconds=1)
    backoff: Backoff = field(default_factory=Backoff)


class StoppingError(Exception):
    """The thread is to end."""


class Perseverance:
    """Waits and repeats for one thread; `stop` may come from any."""

    def __init__(self, patience: Patience, deliver: Callable[[Event], None]) -> None:
        self._patience = patience
        self._deliver = deliver
        self._outage = Outage(deliver)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Everything here raises StoppingError from now on."""
        self._stopping.set()

    def check(self) -> None:
        self.wait(timedelta(0))

    def wait(self, time_span: timedelta) -> None:
        if self._stopping.wait(time_span.total_seconds()):
            raise StoppingError

    def pause(self) -> None:
        self.wait(self._patience.pause)

    def ask(self, call: Callable[[], Ok[Value] | Failure]) -> Value:
        """Make the call until it succeeds."""
        while True:
            self.check()
            answer = call()
            if isinstance(answer, Ok):
                return answer.value
            self.trouble(answer)

    def trouble(self, failure: Failure) -> None:
        """Say what is wrong, and wait as long as it deserves."""
        self.check()
        self._outage.goes_on(failure)
        match failure:
            case RateLimited(after):
                self.wait(after)
            case Unauthorized() | Rejected():
                self.wait(self._patience.slow_retry)
            case _:
                self.wait(self._patience.backoff.next_wait())

    def back_off(self) -> None:
        """The same thing went wrong again: a little longer each time until a poll succeeds."""
        self.wait(self._patience.backoff.next_wait())

    def connected(self) -> None:
        """Zulip answers."""
        self._outage.is_over()

    def worked(self) -> None:
        """A poll succeeded: the next failure is a first one."""
        self._patience.backoff.worked()

    def commit(self, events: tuple[ZulipEvent, ...], cursor: Cursor) -> bool:
        """Deliver a batch and wait for the dispatcher's word; False: refused."""
        batch = ZulipEvents(events, cursor)
        self._deliver(batch)
        while (accepted := batch.receipt.wait(0.2)) is None:
            self.check()
        return accepted
