"""Fetches from Zulip what a decision needs; the answers come back as events."""

import hashlib
import heapq
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.events import Event, Observed
from bot.observations import (
    Gone,
    HealthQuestion,
    HealthSeen,
    MessageQuestion,
    MessageSeen,
    Observation,
    PeopleQuestion,
    PeopleSeen,
    PersonQuestion,
    PersonSeen,
    PlaceQuestion,
    PlaceSeen,
    Question,
    ReadershipQuestion,
    ReadershipSeen,
    Seen,
    Unreadable,
)
from bot.receiving.look_pace import LookPace
from bot.zulip_api.answers import Failure, Ok, RateLimited, Rejected, sentence
from bot.zulip_api.calls import CALL_TIMEOUT
from bot.zulip_api.words import Message, Person
from bot.zulip_client import ZulipClient
from handlers.contract import Clock

logger = logging.getLogger(__name__)

THREADS = 3
#: After a failed read; doubled up to the last.
FIRST_RETRY = timedelta(milliseconds=200)
LONGEST_RETRY = timedelta(seconds=5)
HEALTH_TIMEOUT = timedelta(seconds=1)
SHORTEST_CALL = timedelta(milliseconds=100)


@dataclass(order=True, slots=True)
class _Pending:
    """A question that is to be tried at that time (monotonic seconds)."""

    due_at: float
    number: int
    question_id: int = field(compare=False)
    question: Question = field(compare=False)
    deadline: datetime = field(compare=False)
    tries: int = field(default=0, compare=False)


class Reader:
    """A few threads with a client each; a question that has to wait keeps none of them."""

    def __init__(
        self,
        client: ZulipClient,
        clock: Clock,
        deliver: Callable[[Event], None],
        threads: int = THREADS,
        pace: LookPace | None = None,
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._changed = threading.Condition()
        self._pending: list[_Pending] = []
        self._asked = 0
        self._pace = pace or LookPace()
        self._stopping = False
        self._clients = [client.another() for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._work, args=(own,), name=f"reader-{number}", daemon=True)
            for number, own in enumerate(self._clients, 1)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def ask(self, question_id: int, question: Question, deadline: datetime) -> None:
        """Answer with one `Observed`, at the deadline (about) at the latest; a newer question about
        the same message takes the place of one that waits, which nobody needs answered any more."""
        with self._changed:
            self._asked += 1
            due_at = self._turn(question)
            pending = _Pending(due_at, self._asked, question_id, question, deadline)
            heapq.heappush(self._pending, pending)
            self._changed.notify()

    def stop(self, timeout: timedelta = timedelta(seconds=1)) -> bool:
        """Cut what is being read; True once all threads have ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        give_up = time.monotonic() + timeout.total_seconds()
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < give_up:
            for client in self._clients:
                client.interrupt()
            time.sleep(0.02)
        return not any(thread.is_alive() for thread in self._threads)

    def _turn(self, question: Question) -> float:
        """When it is tried first; a message is looked at no oftener than is good for the others."""
        if not isinstance(question, MessageQuestion):
            return time.monotonic()
        for waiting in self._pending:
            if _is_about(waiting.question, question.message_id):
                self._pending.remove(waiting)
                heapq.heapify(self._pending)
                if not waiting.tries:
                    return waiting.due_at
                break
        return self._pace.next_look_at(question.message_id)

    def _work(self, client: ZulipClient) -> None:
        while (pending := self._next()) is not None:
            started = self._clock.now()
            client.patience = max(SHORTEST_CALL, min(CALL_TIMEOUT, pending.deadline - started))
            found = _Look(client).see(pending.question)
            if isinstance(found, Failure) and self._try_again(pending, found):
                continue
            seen = Unreadable(sentence(found)) if isinstance(found, Failure) else found
            observation = Observation(pending.question, seen, started, self._clock.now())
            self._deliver(Observed(pending.question_id, observation))
        client.close()

    def _next(self) -> _Pending | None:
        """The next question whose time has come; None: stop."""
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                if self._pending and self._pending[0].due_at <= now:
                    return heapq.heappop(self._pending)
                self._changed.wait(self._pending[0].due_at - now if self._pending else None)
        return None

    def _try_again(self, pending: _Pending, failure: Failure) -> bool:
        """Whether there is time for another try; then it waits its turn."""
        wait = min(FIRST_RETRY * float(2 ** min(pending.tries, 10)), LONGEST_RETRY)
        if isinstance(failure, RateLimited):
            wait = max(wait, failure.after)
        if self._clock.now() + wait >= pending.deadline:
            return False
        pending.tries += 1
        with self._changed:
            pending.due_at = time.monotonic() + wait.total_seconds()
            heapq.heappush(self._pending, pending)
            self._changed.notify()
            return not self._stopping


class _Look:
    """One try to answer one question, with fresh reads alone."""

    def __init__(self, client: ZulipClient) -> None:
        self._client = client

    def see(self, question: Question) -> Seen | Failure:
        match question:
            case PersonQuestion(user_id):
                return self._person(user_id)
            case PeopleQuestion(user_ids):
                return self._people(user_ids)
            case MessageQuestion():
                return self._message(question)
            case PlaceQuestion(message_id):
                return self._place(message_id)
            case HealthQuestion():
                return self._health()
            case ReadershipQuestion(channel_id):
                answer = self._client.readership(channel_id)
                return ReadershipSeen(answer.value) if isinstance(answer, Ok) else answer

    def _person(self, user_id: int) -> PersonSeen | Failure:
        answer = self._client.person(user_id)
        match answer:
            case Ok(person):
                return PersonSeen(person)
            case Rejected() if answer.is_final:
                return PersonSeen(None)
        return answer

    def _message(self, question: MessageQuestion) -> Seen | Failure:
        found = self._client.message(question.message_id)
        if not isinstance(found, Ok):
            return _gone_or(found)
        message = found.value
        read = self._people(_voters(message, question.voters) | question.speakers)
        if not isinstance(read, PeopleSeen):
            return read
        others: dict[int, Message | None] = {}
        for message_id in sorted(question.others):
            other = self._client.message(message_id)
            if not isinstance(other, Ok) and not isinstance(_gone_or(other), Gone):
                return other
            others[message_id] = other.value if isinstance(other, Ok) else None
        return MessageSeen(message, content_sha256(message.content), read.people, others)

    def _people(self, user_ids: Collection[int]) -> PeopleSeen | Failure:
        people: dict[int, Person] = {}
        for user_id in sorted(user_ids):
            answer = self._person(user_id)
            if not isinstance(answer, PersonSeen):
                # Half of the people is no answer: one of them may have said no.
                return answer
            if answer.person is not None:
                people[user_id] = answer.person
        return PeopleSeen(people)

    def _place(self, message_id: int) -> Seen | Failure:
        found = self._client.message(message_id)
        if not isinstance(found, Ok):
            return _gone_or(found)
        return PlaceSeen(found.value.channel_id, found.value.topic)

    def _health(self) -> HealthSeen:
        answer = self._client.health(HEALTH_TIMEOUT)
        if isinstance(answer, Ok):
            return HealthSeen(answer.value, None)
        return HealthSeen(None, sentence(answer))


def content_sha256(content: str) -> str:
    """The fingerprint of a message's raw content: SHA-256 of its UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _is_about(question: Question, message_id: int) -> bool:
    return isinstance(question, MessageQuestion) and question.message_id == message_id


def _voters(message: Message, wanted: frozenset[int] | None) -> set[int]:
    """Who reacted with one of the two emoji that mean something."""
    voted = {reaction.user_id for reaction in message.reactions if reaction.is_vote}
    return voted if wanted is None else voted & wanted


def _gone_or(failure: Failure) -> Gone | Failure:
    if isinstance(failure, Rejected) and failure.is_final:
        return Gone(sentence(failure))
    return failure
