"""The ways in which a call to Zulip can end, as types."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

Value_co = TypeVar("Value_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Ok(Generic[Value_co]):
    """Zulip did it and answered so."""

    value: Value_co


@dataclass(frozen=True, slots=True)
class Rejected:
    """Zulip understood and refused; the same call would be refused again."""

    #: Zulip's own code; `HTTP_404` and the like where it gives none, `REDIRECTED` for a redirect.
    code: str
    message: str

    @property
    def is_final(self) -> bool:
        """Zulip itself judged this request; else something in front of it, or a wrong address,
        refuses everything.
        """
        return self.code == "HTTP_413" or not self.code.startswith(("HTTP_", "REDIRECTED"))


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Nothing was done, and nothing will be before this time has passed."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The key is wrong, or the account or the organization is deactivated."""

    message: str


@dataclass(frozen=True, slots=True)
class Down:
    """Nothing was done: Zulip could not be reached, or a read was not answered as it should be."""

    why: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The request went out and its answer is unknown: it may have had its effect."""

    why: str


Failure = Rejected | RateLimited | Unauthorized | Down | Ambiguous


def sentence(failure: Failure) -> str:
    """What went wrong, for the log and for `doctor`."""
    match failure:
        case Rejected(code, message):
            return f"Zulip refused ({code}): {message}"
        case RateLimited(after):
            return f"Zulip asks us to wait {after.total_seconds():.0f} s."
        case Unauthorized(message):
            return f"Zulip does not accept the bot's key: {message}"
        case Down(why):
            return f"Zulip does not answer: {why}"
        case Ambiguous(why):
            return f"Zulip did not answer, though it may have acted: {why}"


#: Where Zulip does not say how long to wait.
UNTOLD_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
REFUSED_KEY = frozenset(
    {"UNAUTHORIZED", "INVALID_API_KEY", "USER_DEACTIVATED", "REALM_DEACTIVATED"}
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back: the status, the body if it was a JSON object, and how long to wait."""

    status: int
    body: Mapping[str, Any] | None
    retry_after: str | None = None


def understand(heard: Heard, *, effect: bool) -> Ok[Mapping[str, Any]] | Failure:
    """How a call ended that was answered at all; `effect` says that it changes something.

    Errors are JSON with `result: error`, mostly with a `code`; 502, 413 and 404 are HTML, a 500
    and a 405 have no code.
    """
    body = heard.body or {}
    message = str(body.get("msg", f"status {heard.status}"))
    code = str(body.get("code", f"HTTP_{heard.status}"))
    if heard.status == 200 and body.get("result") == "success":
        return Ok(body)
    if heard.status == 429 or code == "RATE_LIMIT_HIT":
        return RateLimited(_wait(body.get("retry-after", heard.retry_after)))
    if heard.status == 401 or code in REFUSED_KEY:
        return Unauthorized(message)
    if 400 <= heard.status < 500:
        return Rejected(code, message)
    return unanswered(f"status {heard.status}, {message}", effect=effect)


def unanswered(why: str, *, effect: bool) -> Down | Ambiguous:
    """The request went out and nothing that can be used came back."""
    return Ambiguous(why) if effect else Down(why)


def _wait(told: object) -> timedelta:
    """Zulip tells seconds as a float, such as 57.72."""
    try:
        seconds = float(str(told))
    except ValueError:
        return UNTOLD_WAIT
    if not math.isfinite(seconds):
        return UNTOLD_WAIT
    return min(timedelta(seconds=max(seconds, 0)), LONGEST_WAIT)
