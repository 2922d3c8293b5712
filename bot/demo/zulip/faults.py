"""Faults on request of a test: what goes wrong, with which request, how often."""

import asyncio
import fnmatch
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from aiohttp import web

from bot.demo.zulip.api.answers import bad_gateway, plain_server_error, refusal
from bot.demo.zulip.rate_limit import CALLS, Allowance, exceeded


class Trouble(StrEnum):
    """What can go wrong with one request."""

    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    #: No answer at all, until the client gives up or the server stops.
    HANG = "hang"
    #: The connection ends without an answer.
    CUT = "cut"
    #: The answer is right, but late.
    DELAY = "delay"
    #: Another answer than the right one, which `forge` makes of it.
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Forgery:
    """What is answered in place of the truth."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


def _unchanged(body: bytes) -> Forgery:
    return Forgery(body)


@dataclass(frozen=True, slots=True)
class Fault:
    """One trouble for requests that match; `path` is a pattern as in a shell."""

    trouble: Trouble
    method: str | None = None
    path: str = "*"
    #: Address of the person whose requests it hits; None hits everybody's.
    user: str | None = None
    #: After the effect: the message is sent, the edit made, and then it goes wrong.
    after_effect: bool = False
    #: How long a delay or a rate limit lasts.
    wait: timedelta = timedelta(seconds=1)
    #: For FORGED: from the body of the right answer.
    forge: Callable[[bytes], Forgery] = _unchanged

    @property
    def needs_answer(self) -> bool:
        """Whether the request is carried out first."""
        return self.after_effect or self.trouble is Trouble.FORGED


@dataclass(slots=True)
class _Planned:
    fault: Fault
    left: int
    hits: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What faults look at."""

    method: str
    path: str
    user: str | None


@dataclass(slots=True)
class Faults:
    """The script; faults are tried in the order in which they were planned."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _planned: list[_Planned] = field(default_factory=list)
    #: Asked for each request that no plan is for: whether something goes wrong with it.
    draw: Callable[[Request], Fault | None] = lambda request: None

    def plan(self, *faults: Fault, times: int = 1) -> None:
        """Each fault hits the next `times` requests that match it."""
        with self._lock:
            self._planned.extend(_Planned(fault, times) for fault in faults)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def hits(self) -> int:
        """How many requests were hit so far by the faults planned since the last clear."""
        with self._lock:
            return sum(planned.hits for planned in self._planned)

    def pending(self) -> int:
        """How many planned hits have not happened yet."""
        with self._lock:
            return sum(planned.left for planned in self._planned)

    def take(self, request: Request) -> Fault | None:
        with self._lock:
            for planned in self._matching(request):
                planned.left -= 1
                planned.hits += 1
                return planned.fault
        return self.draw(request)

    def _matching(self, request: Request) -> Iterable[_Planned]:
        return (p for p in self._planned if p.left > 0 and _matches(p.fault, request))


def _matches(fault: Fault, request: Request) -> bool:
    return (
        fault.method in {None, request.method}
        and fnmatch.fnmatchcase(request.path, fault.path)
        and fault.user in {None, request.user}
    )


async def suffer(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """Carry a fault out; None lets the request go on (it was only delayed)."""
    seconds = fault.wait.total_seconds()
    match fault.trouble:
        case Trouble.RATE_LIMITED:
            return refusal(exceeded(seconds, Allowance(CALLS, 0, int(seconds))))
        case Trouble.SERVER_ERROR:
            return plain_server_error()
        case Trouble.BAD_GATEWAY:
            return bad_gateway()
        case Trouble.HANG:
            await asyncio.Event().wait()
        case Trouble.CUT:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        case Trouble.DELAY:
            await asyncio.sleep(seconds)
    return None


def forged(fault: Fault, answer: web.StreamResponse) -> web.StreamResponse:
    """What is answered in place of the right answer."""
    body = answer.body if isinstance(answer, web.Response) else None
    made = fault.forge(body if isinstance(body, bytes) else b"")
    return web.Response(body=made.body, status=made.status, content_type=made.content_type)
