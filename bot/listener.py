"""The event loop of our own: receives, notices silence, reconnects, and catches up by id."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.events import (
    Connected,
    EpochEnded,
    Event,
    Evidence,
    MessageArrived,
    ServerRestarted,
    ZulipEvent,
)
from bot.identity import server_of
from bot.receiving.catch_up import PAGE_SIZE, Turn, missed_messages, narrows_for
from bot.receiving.numbering import Known, Numbering, Present
from bot.receiving.perseverance import Patience, Perseverance, StoppingError
from bot.receiving.poll_pace import PollPace
from bot.zulip_api.answers import Failure, Ok, RateLimited, Rejected, sentence
from bot.zulip_api.calls import Narrow
from bot.zulip_api.reading import read_event
from bot.zulip_api.words import Message, Page, Registration, UnreadableError
from bot.zulip_client import ZulipClient
from jobs.runs.crashpoints import crashpoint
from state.cursor import Cursor
from state.seen_messages import SeenMessage

logger = logging.getLogger(__name__)

#: An old id on a message so much newer than the newest means that the ids went backwards;
#: neighbours may change places by themselves.
REWIND_MARGIN = timedelta(seconds=60)
REMEMBERED_MESSAGES = 20_000


class _BrokenLineError(Exception):
    """The connection has to be made anew."""


class Listener:
    """A thread that brings Zulip's events, each batch once, to the dispatcher."""

    def __init__(
        self,
        client: ZulipClient,
        channel: str,
        deliver: Callable[[Event], None],
        start_from: Cursor | None = None,
        patience: Patience | None = None,
        known: Callable[[], Known] = Known,
    ) -> None:
        """`channel` is the ops channel's name; `start_from` the cursor that was committed last;
        `known` what is remembered of the server and its newest messages."""
        self._client = client
        self._channel = channel
        self._deliver = deliver
        self._cursor = start_from
        self._patience = patience or Patience()
        self._perseverance = Perseverance(self._patience, deliver)
        self._polls = PollPace()
        self._known = known
        self._numbering = Numbering(client, self._perseverance)
        self._recent = _Recent()
        self._newest_at: datetime | None = None
        #: Whether a poll succeeded since the connection was made.
        self._proven = True
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: timedelta = timedelta(seconds=1)) -> bool:
        """End a long poll too; True once the thread has ended. The server keeps the queue."""
        self._perseverance.stop()
        give_up = time.monotonic() + timeout.total_seconds()
        while self._thread.is_alive() and time.monotonic() < give_up:
            # A request that was just being made is caught the next time round.
            self._client.interrupt()
            self._thread.join(0.02)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                self._listen_until_broken()
        except StoppingError:
            self._client.close()

    def _listen_until_broken(self) -> None:
        try:
            cursor = self._connect()
            while True:
                cursor = self._receive(cursor)
        except _BrokenLineError:
            pass

    # Connecting.

    def _connect(self) -> Cursor:
        """A cursor from which to poll; what was missed has been delivered."""
        # Registered before anything is read, so that nothing falls between the two.
        registration = self._perseverance.ask(self._client.register)
        me = self._perseverance.ask(self._client.me)
        newest = self._newest_message()
        old = self._cursor
        lives = old is not None and self._queue_lives(old)
        self._perseverance.connected()
        ended = self._epoch_ended(old, Present(server_of(registration), me.id, newest))
        self._deliver(Connected(registration, me, complete=lives, epoch_ended=ended))
        if old is None:
            return self._insist((), _cursor(registration, newest.id if newest else None))
        if ended is not None:
            self._recent.forget()
            old = replace(old, last_message_id=ended.resume_after)
        if lives:
            self._client.drop_queue(registration.queue_id)
            return replace(old, zulip_version=registration.zulip_version)
        return self._catch_up(old, registration)

    def _queue_lives(self, old: Cursor) -> bool:
        """Whether the queue of that cursor still has everything that came after it."""
        if old.queue_id is None:
            return False
        while True:
            answer = self._client.poll(old.queue_id, old.last_event_id, wait=timedelta(0))
            if isinstance(answer, Ok):
                return True
            # Gone, or it is not ours, or events were thrown away: by id, then.
            if isinstance(answer, Rejected) and answer.is_final:
                return False
            self._perseverance.trouble(answer)

    def _newest_message(self) -> Message | None:
        page = self._perseverance.ask(lambda: self._client.newest_messages(1))
        return page.messages[-1] if page.messages else None

    def _epoch_ended(self, old: Cursor | None, present: Present) -> EpochEnded | None:
        """Whether the ids mean other messages than they did when that cursor was committed."""
        if old is None:
            return None
        known = self._known()
        self._recent.remember(known.messages)
        return self._numbering.judge(known, old.last_message_id or 0, present)

    def _catch_up(self, old: Cursor, registration: Registration) -> Cursor:
        """Deliver what was missed by id; until the end the cursor names the dead queue, so that a
        restart in the middle catches up again.
        """
        position = old
        turn = Turn(self._sent_at(old.last_message_id))
        narrows = narrows_for(self._channel_id(registration))
        # Where there was nothing to see yet, all that there is now was missed.
        for messages in missed_messages(self._read_page, old.last_message_id or 0, narrows):
            position = self._hand_over(messages, position, turn)
        return self._insist((), _cursor(registration, position.last_message_id))

    def _hand_over(self, messages: tuple[Message, ...], position: Cursor, turn: Turn) -> Cursor:
        crashpoint("page_received")
        events = tuple(turn.arrival(one) for one in messages)
        position = self._insist(events, replace(position, last_message_id=messages[-1].id))
        # The new queue may bring them a second time.
        self._recent.add(messages)
        return position

    def _sent_at(self, message_id: int | None) -> datetime | None:
        """When the watermark was written; None when nobody remembers."""
        if message_id is None:
            return None
        if (remembered := self._recent.sent_at(message_id)) is not None:
            return remembered
        answer = self._client.message(message_id)
        return answer.value.sent_at if isinstance(answer, Ok) else None

    def _insist(self, events: tuple[ZulipEvent, ...], cursor: Cursor) -> Cursor:
        """Deliver until it is committed."""
        while not self._perseverance.commit(events, cursor):
            self._perseverance.pause()
        self._cursor = cursor
        return cursor

    def _channel_id(self, registration: Registration) -> int | None:
        for channel in registration.channels:
            if channel.name.casefold() == self._channel.casefold():
                return channel.id
        answer = self._client.channel(self._channel)
        return answer.value.id if isinstance(answer, Ok) else None

    def _read_page(self, after_id: int, narrow: Narrow) -> Page:
        def read() -> Ok[Page] | Failure:
            answer = self._client.messages_after(after_id, PAGE_SIZE, narrow)
            if isinstance(answer, Rejected) and answer.is_final:
                logger.error("What was missed in %s cannot be read. %s", narrow, sentence(answer))
                return Ok(Page((), found_newest=True))
            return answer

        return self._perseverance.ask(read)

    # Receiving.

    def _receive(self, cursor: Cursor) -> Cursor:
        """One poll; the cursor from which to go on."""
        assert cursor.queue_id is not None
        self._perseverance.wait(self._polls.wait_for_next())
        answer = self._client.poll(
            cursor.queue_id, cursor.last_event_id, wait=self._patience.silence
        )
        match answer:
            case Ok(raws):
                self._proven = True
                self._perseverance.worked()
                return self._take_in(raws, cursor)
            case RateLimited():
                self._perseverance.trouble(answer)
                return cursor
            case Rejected() if answer.is_final:
                # The queue is gone: what was missed is read without delay, but not in a circle.
                if not self._proven:
                    self._perseverance.back_off()
                self._proven = False
                raise _BrokenLineError
        self._perseverance.trouble(answer)
        raise _BrokenLineError

    def _take_in(self, raws: list[Mapping[str, Any]], cursor: Cursor) -> Cursor:
        """Deliver what is new; without the dispatcher's word the cursor stays where it is."""
        last_event_id = cursor.last_event_id
        events: list[ZulipEvent] = []
        for raw in raws:
            event_id = raw.get("id")
            if isinstance(event_id, int) and event_id > cursor.last_event_id:
                last_event_id = max(last_event_id, event_id)
                events += self._understood(raw)
        if last_event_id == cursor.last_event_id:
            self._perseverance.pause()
            return cursor
        return self._deliver_new(events, replace(cursor, last_event_id=last_event_id)) or cursor

    def _understood(self, raw: Mapping[str, Any]) -> tuple[ZulipEvent, ...]:
        try:
            return read_event(raw)
        except UnreadableError as error:
            logger.error("An event of type %s cannot be read: %s.", raw.get("type"), error)
            return ()

    def _deliver_new(self, events: list[ZulipEvent], cursor: Cursor) -> Cursor | None:
        crashpoint("event_received")
        fresh: list[ZulipEvent] = []
        brought: dict[int, Message] = {}
        for event in events:
            if isinstance(event, ServerRestarted):
                cursor = replace(
                    cursor,
                    server_generation=event.generation,
                    zulip_version=event.zulip_version,
                )
            if isinstance(event, MessageArrived):
                if self._recent.has(event.message) or event.message.id in brought:
                    continue
                brought[event.message.id] = event.message
                cursor = self._watermark(cursor, event.message)
            fresh.append(event)
        if not self._perseverance.commit(tuple(fresh), cursor):
            self._perseverance.pause()
            return None
        self._cursor = cursor
        self._recent.add(brought.values())
        return cursor

    def _watermark(self, cursor: Cursor, message: Message) -> Cursor:
        """The newest message seen; an old id on a new message tells that all ids began again."""
        newest_at, self._newest_at = self._newest_at, message.sent_at
        known = cursor.last_message_id
        if known is None or message.id > known:
            return replace(cursor, last_message_id=message.id)
        is_late = newest_at is None or message.sent_at - newest_at < REWIND_MARGIN
        reused = self._recent.contradicts(message)
        if is_late and not reused:
            return cursor
        evidence = Evidence.REUSED if reused else Evidence.WENT_BACK
        self._deliver(EpochEnded(evidence, known, message.id, resume_after=message.id - 1))
        self._recent.forget()
        return replace(cursor, last_message_id=message.id)


class _Recent:
    """The messages that came last, to know a second copy, and an id that is given out again."""

    def __init__(self) -> None:
        self._sent_at: OrderedDict[int, datetime] = OrderedDict()

    def add(self, messages: Iterable[Message]) -> None:
        self._sent_at.update((one.id, one.sent_at) for one in messages)
        while len(self._sent_at) > REMEMBERED_MESSAGES:
            self._sent_at.popitem(last=False)

    def remember(self, seen: Sequence[SeenMessage]) -> None:
        """Those that came before we were started, newest first."""
        for one in reversed(seen):
            self._sent_at.setdefault(one.message_id, one.sent_at)

    def has(self, message: Message) -> bool:
        return self._sent_at.get(message.id) == message.sent_at

    def sent_at(self, message_id: int) -> datetime | None:
        return self._sent_at.get(message_id)

    def contradicts(self, message: Message) -> bool:
        """The same id was another message's."""
        return self._sent_at.get(message.id, message.sent_at) != message.sent_at

    def forget(self) -> None:
        self._sent_at.clear()


def _cursor(registration: Registration, last_message_id: int | None) -> Cursor:
    return Cursor(
        registration.queue_id,
        registration.last_event_id,
        last_message_id,
        server_generation=None,
        zulip_version=registration.zulip_version,
    )
