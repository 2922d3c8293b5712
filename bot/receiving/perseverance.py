"""Repeats what fails for as long as it takes, and gives up only when told to stop."""

import threading
import time
from collections import deque
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
    #: So many polls a minute go at once; Zulip allows 200 and then none for up to a minute.
    quick_polls: int = 150
    #: Later ones let events gather: at most 46 more fit into the same minute.
    gathering: timedelta = timedelta(seconds=1.3)
    #: After events: the bot's own reaction and reply come right behind a command, in one poll.
    echo: timedelta = timedelta(milliseconds=60)


class StoppingError(Exception):
    """The thread is to end."""


class Perseverance:
    """Waits and repeats for one thread; `stop` may come from any."""

    def __init__(self, patience: Patience, deliver: Callable[[Event], None]) -> None:
        self._patience = patience
        self._deliver = deliver
        self._outage = Outage(deliver)
        self._stopping = threading.Event()
        #: When the polls of the last minute were made (monotonic seconds).
        self._polls: deque[float] = deque()

    def stop(self) -> None:
        """Everything here raises StoppingError from now on."""
        self._stopping.set()

    def check(self) -> None:
        self.wait(timedelta(0))

    def wait(self, time_span: timedelta) -> None:
        if self._stopping.wait(time_span.total_seconds()):
            raise StoppingError

    def before_poll(self, *, brought_events: bool) -> None:
        """Poll seldom enough for the server's limit, when events come one by one and fast."""
        while self._polls and self._polls[0] <= time.monotonic() - 60:
            self._polls.popleft()
        crowded = len(self._polls) >= self._patience.quick_polls
        echo = self._patience.echo if brought_events else timedelta(0)
        self.wait(self._patience.gathering if crowded else echo)
        self._polls.append(time.monotonic())

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
