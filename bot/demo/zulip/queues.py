"""Event queues: long polls, heartbeats, redelivery until acknowledged, and idle queues."""

import asyncio
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bot.demo.zulip.model import wire
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.messages import Message
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.realm import Notice, Realm

HEARTBEAT = timedelta(seconds=50)
#: A queue that nobody polls for so long is forgotten (seen on 9.2: gone at 700 s).
IDLE_LIMIT = timedelta(minutes=10)

Event = dict[str, object]


class InterruptedPollError(Exception):
    """The server went away while a poll was held; the client sees a bad gateway."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a queue was registered for."""

    #: None takes every type.
    event_types: frozenset[str] | None = None
    rendered: bool = False
    all_public: bool = False
    accepts: Callable[[Message], bool] = lambda message: True
    #: Several deleted messages in one event.
    bulk_deletion: bool = False

    def takes(self, event_type: str) -> bool:
        return self.event_types is None or event_type in self.event_types


@dataclass(eq=False, slots=True)
class EventQueue:
    """One client's events, numbered from 0, kept until a higher number is acknowledged."""

    id: str
    owner: Person
    subscription: Subscription
    last_seen: float
    events: list[Event] = field(default_factory=list)
    acknowledged: list[Event] = field(default_factory=list)
    next_id: int = 0
    newest_pruned: int = -1
    waiter: "asyncio.Future[str] | None" = None
    #: How many polls get the acknowledged events of the poll before once more.
    repeats: int = 0

    def append(self, event: Mapping[str, object]) -> None:
        self.events.append({**event, "id": self.next_id})
        self.next_id += 1

    def acknowledge(self, last_event_id: int) -> None:
        """Raises ApiError as Zulip does; a too large number really costs all events."""
        if last_event_id < self.newest_pruned:
            raise ApiError(f"An event newer than {last_event_id} has already been pruned!")
        oldest = self.next_id - len(self.events)
        count = min(max(last_event_id + 1 - oldest, 0), len(self.events))
        if count:
            self.newest_pruned = oldest + count - 1
            self.acknowledged, self.events = self.events[:count], self.events[count:]
        if last_event_id != self.newest_pruned:
            raise ApiError(f"Event {last_event_id} was not in this queue")

    def contents(self) -> list[Event]:
        if self.repeats and self.acknowledged:
            self.repeats -= 1
            return [*self.acknowledged, *self.events]
        return list(self.events)


@dataclass(frozen=True, slots=True)
class Poll:
    """What a client asks of its queue."""

    owner: Person
    queue_id: str
    last_event_id: int
    dont_block: bool = False


class Queues:
    """All event queues; everything here happens under the server's one lock."""

    def __init__(self, realm: Realm, lock: threading.RLock, heartbeat: timedelta) -> None:
        self.heartbeat = heartbeat
        self.idle_limit = IDLE_LIMIT
        self.loop: asyncio.AbstractEventLoop | None = None
        self.duplicate_next = 0
        #: Tornado is behind: events are kept in the queues, and no poll gets any.
        self.is_behind = False
        self._realm = realm
        self._lock = lock
        self._queues: dict[str, EventQueue] = {}
        self._spread = random.SystemRandom()

    def create(self, owner: Person, subscription: Subscription) -> EventQueue:
        queue = EventQueue(str(uuid.uuid4()), owner, subscription, self._realm.clock.timestamp())
        with self._lock:
            self._queues[queue.id] = queue
        return queue

    def find(self, owner: Person, queue_id: str) -> EventQueue:
        """Raises ApiError when it is gone, too long idle, or somebody else's."""
        self._forget_idle()
        queue = self._queues.get(queue_id)
        if queue is None or queue.owner is not owner:
            raise ApiError(
                f"Bad event queue ID: {queue_id}",
                "BAD_EVENT_QUEUE_ID",
                extra={"queue_id": queue_id},
            )
        return queue

    def remove(self, owner: Person, queue_id: str) -> None:
        self._drop(self.find(owner, queue_id))

    def drop_all(self, owner: Person | None = None) -> int:
        """Forget the queues of one person, or all; tells how many there were."""
        with self._lock:
            doomed = [q for q in self._queues.values() if owner is None or q.owner is owner]
            for queue in doomed:
                self._drop(queue)
        return len(doomed)

    def of(self, owner: Person) -> list[EventQueue]:
        with self._lock:
            return [queue for queue in self._queues.values() if queue.owner is owner]

    def interrupt_polls(self) -> None:
        """End every held poll the way a server does that goes down."""
        with self._lock:
            for queue in self._queues.values():
                self._wake(queue, "interrupted")

    def catch_up(self) -> None:
        """After `is_behind`: what was kept is delivered."""
        with self._lock:
            self.is_behind = False
            for queue in self._queues.values():
                if queue.events:
                    self._wake(queue, "events")

    def push(self, notice: Notice) -> None:
        """Turn a notice into an event of each queue that is to get it."""
        with self._lock:
            self._forget_idle()
            times = 1
            if self.duplicate_next:
                self.duplicate_next -= 1
                times = 2
            for queue in list(self._queues.values()):
                event = self._event_for(queue, notice)
                for _ in range(times if event is not None else 0):
                    assert event is not None
                    queue.append(event)
                    if not self.is_behind:
                        self._wake(queue, "events")

    async def poll(self, poll: Poll) -> tuple[list[Event], bool]:
        """The events, and whether the client was kept waiting for them."""
        with self._lock:
            queue = self.find(poll.owner, poll.queue_id)
            queue.acknowledge(poll.last_event_id)
            self._wake(queue, "superseded")
            queue.last_seen = self._realm.clock.timestamp()
            events = [] if self.is_behind else queue.contents()
            if events or poll.dont_block:
                return events, False
            waiter = queue.waiter = asyncio.get_running_loop().create_future()
        try:
            return await self._wait(queue, waiter), True
        finally:
            with self._lock:
                if queue.waiter is waiter:
                    queue.waiter = None
                queue.last_seen = self._realm.clock.timestamp()

    async def _wait(self, queue: EventQueue, waiter: "asyncio.Future[str]") -> list[Event]:
        # Zulip spreads its heartbeats over 45 to 55 s, so that clients do not come back at once.
        seconds = self.heartbeat.total_seconds() * self._spread.uniform(0.9, 1.1)
        try:
            verdict = await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            with self._lock:
                queue.append({"type": "heartbeat"})
                return queue.contents()
        if verdict == "interrupted":
            raise InterruptedPollError
        with self._lock:
            return [] if verdict == "superseded" else queue.contents()

    def _event_for(self, queue: EventQueue, notice: Notice) -> Event | None:
        subscription = queue.subscription
        if not subscription.takes(notice.type):
            return None
        reader = queue.owner.id
        is_recipient = notice.recipients is None or reader in notice.recipients
        message = notice.message
        if message is None:
            return _plain_event(queue, notice) if is_recipient else None
        is_public = message.channel is not None and not message.channel.private
        overhears = subscription.all_public and is_public
        if not (is_recipient or overhears) or not subscription.accepts(message):
            return None
        event: Event = {
            "type": "message",
            "message": wire.message_event(self._realm, message, rendered=subscription.rendered),
            "flags": notice.flags.get(reader, []),
        }
        if notice.echo is not None and notice.echo[0] == queue.id:
            event["local_message_id"] = notice.echo[1]
        return event

    def _forget_idle(self) -> None:
        oldest = self._realm.clock.timestamp() - self.idle_limit.total_seconds()
        for queue in list(self._queues.values()):
            if queue.waiter is None and queue.last_seen < oldest:
                del self._queues[queue.id]

    def _drop(self, queue: EventQueue) -> None:
        self._wake(queue, "superseded")
        del self._queues[queue.id]

    def _wake(self, queue: EventQueue, verdict: str) -> None:
        waiter, queue.waiter = queue.waiter, None
        if waiter is not None and self.loop is not None:
            self.loop.call_soon_threadsafe(_settle, waiter, verdict)


def _plain_event(queue: EventQueue, notice: Notice) -> Event:
    """The event of anything but a new message."""
    event = dict(notice.body)
    if notice.flags:
        event["flags"] = notice.flags.get(queue.owner.id, [])
    if notice.type == "delete_message" and queue.subscription.bulk_deletion:
        event["message_ids"] = [event.pop("message_id")]
    return event


def _settle(waiter: "asyncio.Future[str]", verdict: str) -> None:
    if not waiter.done():
        waiter.set_result(verdict)
