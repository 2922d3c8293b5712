"""The door to Zulip: carries one call at a time and says how it ended."""

import contextlib
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

import requests
import requests.adapters
import urllib3.connection
import urllib3.exceptions
import zulip

from bot.zulip_api.answers import (
    Ambiguous,
    Down,
    Failure,
    Heard,
    Ok,
    Rejected,
    unanswered,
    understand,
)
from bot.zulip_api.calls import Call, Raw, ZulipCalls
from bot.zulip_api.words import UnreadableError
from bot.zulip_api.zuliprc import ZuliprcError, check_zuliprc

#: Zulip keeps this as the name of the sending program.
USER_AGENT = "zulip-ops/0.1"
CONNECT_TIMEOUT = timedelta(seconds=5)
#: Firewalls forget quiet connections; a request on such a one cannot be told from a lost one.
IDLE_CONNECTION = timedelta(seconds=30)

Value = TypeVar("Value")


class ZulipClient(ZulipCalls):
    """One account at one server, for the use of one thread; `interrupt` alone is for others.

    Made without asking the server anything, so it can be made while the server is down.
    """

    def __init__(
        self,
        zuliprc: Path | None = None,
        *,
        site: str | None = None,
        email: str | None = None,
        key: str | None = None,
    ) -> None:
        """Argument, then `ZULIP_*` variable, then zuliprc, then `~/.zuliprc`, as Zulip's own tools.

        Raises ZuliprcError.
        """
        self._origin = (zuliprc, site, email, key)
        check_zuliprc(zuliprc, {"site": site, "email": email, "key": key})
        try:
            self._account = _Account(zuliprc, site, email, key)
        except (zulip.ZulipError, OSError) as error:
            raise ZuliprcError(f"{error}.") from error
        #: The longest that a call may wait from now on, where that is less than its own limit.
        self.patience: timedelta | None = None
        self.email = self._account.email
        self.site = self._account.base_url.removesuffix("/").removesuffix("/api")

    def another(self) -> "ZulipClient":
        """The same account for another thread."""
        zuliprc, site, email, key = self._origin
        return ZulipClient(zuliprc, site=site, email=email, key=key)

    def interrupt(self) -> None:
        """End the call that is under way, from another thread; it returns Down or Ambiguous."""
        self._account.lines.cut()

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._account.drop_session()

    def health(self, timeout: timedelta = timedelta(seconds=1)) -> Ok[timedelta] | Failure:
        """How long `GET /health` took; any status but 200 is Down. Needs no key."""
        started = time.monotonic()
        try:
            status = self._account.fetch_without_key(f"{self.site}/health", timeout).status_code
        except requests.RequestException as error:
            return self._undone(error, effect=False)
        if status != 200:
            return Down(f"/health answers with status {status}")
        return Ok(timedelta(seconds=time.monotonic() - started))

    def server_time(self, timeout: timedelta = CONNECT_TIMEOUT) -> Ok[datetime] | Failure:
        """What time the server has, to the second, from the `Date` of an answer; needs no key."""
        try:
            answer = self._account.fetch_without_key(f"{self.site}/api/v1/server_settings", timeout)
        except requests.RequestException as error:
            return self._undone(error, effect=False)
        try:
            return Ok(parsedate_to_datetime(answer.headers.get("date", "")))
        except ValueError:
            return Down("the server dates its answers in no way that is understood")

    def call(self, call: Call, read: Callable[[Raw], Value]) -> Ok[Value] | Failure:
        """Make the call once, and say how it ended."""
        if self.patience is not None:
            call = replace(call, timeout=min(call.timeout, self.patience))
        try:
            answer = understand(self._account.exchange(call), effect=call.effect)
            return Ok(read(answer.value)) if isinstance(answer, Ok) else answer
        except UnreadableError as error:
            return unanswered(f"an answer that makes no sense: {error}", effect=call.effect)
        except UnicodeError as error:
            return Rejected("UNSENDABLE", f"The text cannot be sent: {error}.")
        except (requests.RequestException, zulip.ZulipError) as error:
            return self._undone(error, effect=call.effect)

    def _undone(self, error: Exception, *, effect: bool) -> Rejected | Down | Ambiguous:
        """What an exception of the transport means for the call."""
        if isinstance(error, requests.TooManyRedirects):
            target = error.response.headers.get("location") if error.response is not None else None
            return Rejected(
                "REDIRECTED",
                f"{self.site} sends us on to {target}; write that address as `site` in zuliprc.",
            )
        causes = list(_causes(error))
        why = str(causes[-1]) or type(causes[-1]).__name__
        if any(isinstance(cause, _NEVER_SENT) for cause in causes):
            return Down(f"{self.site} cannot be reached ({why})")
        return unanswered(why, effect=effect)


class _Account(zulip.Client):
    """The library's client as transport alone: no call when made, no retries, no surprises."""

    def __init__(
        self, zuliprc: Path | None, site: str | None, email: str | None, key: str | None
    ) -> None:
        self.lines = _Lines()
        self._used_at = time.monotonic()
        super().__init__(
            config_file=None if zuliprc is None else str(zuliprc),
            site=site,
            email=email,
            api_key=key,
            retry_on_errors=False,
            client=USER_AGENT,
        )
        # Otherwise a first call that fails would be told as one that can never succeed.
        self.has_connected = True

    def get_server_settings(self) -> dict[str, Any]:
        """Asked for by the constructor, when the server may be down."""
        return {"zulip_version": "", "zulip_feature_level": 0}

    def get_user_agent(self) -> str:
        return USER_AGENT

    def ensure_session(self) -> None:
        is_new = self.session is None
        super().ensure_session()
        session = self.session
        if is_new and session is not None:
            # Proxies and .netrc of the environment are honoured even for 127.0.0.1 otherwise.
            session.trust_env = False
            # A redirected POST becomes a GET and looks as if it had succeeded.
            session.max_redirects = 0
            session.mount("http://", self.lines)
            session.mount("https://", self.lines)

    def drop_session(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None

    def exchange(self, call: Call) -> Heard:
        """Make the call once. Raises what requests and zulip raise."""
        if time.monotonic() - self._used_at > IDLE_CONNECTION.total_seconds():
            self.drop_session()
        try:
            body: object = self.call_endpoint(
                call.url,
                method=call.method,
                request=dict(call.request),
                files=None if call.file is None else [call.file],
                timeout=call.timeout.total_seconds(),
            )
        finally:
            self._used_at = time.monotonic()
        status, retry_after = self.lines.last_answer
        return Heard(status, body if isinstance(body, dict) else None, retry_after)

    def fetch_without_key(self, url: str, timeout: timedelta) -> requests.Response:
        """A page that anybody may read. Raises requests.RequestException."""
        with requests.Session() as session:
            session.trust_env = False
            session.verify = self.tls_verification
            session.headers["User-Agent"] = USER_AGENT
            limit = timeout.total_seconds()
            return session.get(url, timeout=limit, allow_redirects=False)


class _Lines(requests.adapters.HTTPAdapter):
    """The connections of one account, which another thread can cut, and how the last answered."""

    def __init__(self) -> None:
        #: Status and retry-after; the library does not hand them on.
        self.last_answer: tuple[int, str | None] = (0, None)
        self._guard = threading.Lock()
        self._open: weakref.WeakSet[urllib3.connection.HTTPConnection] = weakref.WeakSet()
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **named: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **named)
        inside = vars(pool)
        if "_new_conn" not in inside:
            inside["_new_conn"] = self._remembering(pool._new_conn)
        return pool

    def send(self, *args: Any, **named: Any) -> requests.Response:
        """As the library's, but connecting has a limit of its own."""
        named["timeout"] = (CONNECT_TIMEOUT.total_seconds(), named.get("timeout"))
        answer = super().send(*args, **named)
        self.last_answer = (answer.status_code, answer.headers.get("retry-after"))
        return answer

    def cut(self) -> None:
        with self._guard:
            lines = [line.sock for line in self._open]
        for line in lines:
            if line is not None:
                # `SSLSocket.shutdown` would pull the state from under the reading thread.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(line, socket.SHUT_RDWR)

    def _remembering(
        self, make: Callable[[], urllib3.connection.HTTPConnection]
    ) -> Callable[[], urllib3.connection.HTTPConnection]:
        def remembered() -> urllib3.connection.HTTPConnection:
            line = make()
            with self._guard:
                self._open.add(line)
            return line

        return remembered


#: With one of these in the chain, the request never left.
_NEVER_SENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and those it was made from; urllib3 keeps them in `reason` and arguments."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        current = pending.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            pending += [*current.args, getattr(current, "reason", None), current.__cause__]
