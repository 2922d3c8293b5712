"""An S3 server (moto) behind a layer that a test can have do wrong: refuse, forget, cut, lie."""

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from handlers.host.settings import StoreSettings

BUCKET = "zulip-ops"
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class _Silent(WSGIRequestHandler):
    """Says nothing, and leaves the time of an answer to the layer."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nobody looks."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without the time, which is the layer's to tell."""
        self.send_response_only(code, message)


class FaultyS3:
    """As good as moto until a test says otherwise; it checks neither signatures nor checksums."""

    def __init__(self) -> None:
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="moto")
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._app_with_faults, threaded=True, request_handler=_Silent
        )
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        #: moto stumbles over two first objects of a bucket at once.
        self._one_by_one = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, name="moto")
        #: Conditions of requests are ignored, as many servers do.
        self.forgets_conditions = False
        #: Requests with a condition are answered 501.
        self.knows_no_conditions = False
        #: How far its clock is ahead of ours.
        self.clock_ahead = timedelta(0)
        #: What requests of a method are answered instead: status and code.
        self.refuses: dict[str, tuple[int, str]] = {}
        #: Content of objects is sent with one bit flipped.
        self.flips = False
        #: So many answers with the content of an object break off half way.
        self.cuts = 0
        #: So many requests are answered 503 before one is carried out.
        self.busy = 0
        #: Called at each request, with its method and path.
        self.on_request: Callable[[str, str], None] = lambda method, path: None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def store_settings(self, name: str, prefix: str, folder: Path) -> StoreSettings:
        """A store below this prefix; its credentials go into the folder."""
        credentials = folder / "moto-credentials"
        credentials.write_text("anybody\nanything\n")
        return StoreSettings(
            name=name,
            bucket=BUCKET,
            prefix=prefix,
            endpoint=self.endpoint,
            region="us-east-1",
            credentials_file=credentials,
        )

    def _app_with_faults(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.on_request(method, path)
        if self.busy > 0:
            self.busy -= 1
            return _error(start, 503, "SlowDown")
        if method in self.refuses:
            return _error(start, *self.refuses[method])
        if self.knows_no_conditions and "HTTP_IF_NONE_MATCH" in environ:
            return _error(start, 501, "NotImplemented")
        if self.forgets_conditions:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        dated = self._dated(start)
        with self._one_by_one:
            answer: Iterable[bytes] = list(self._app(environ, dated))
        if self.flips and method == "GET" and "/objects/" in path:
            return _flipped(answer)
        if self.cuts and method == "GET" and "/objects/" in path:
            self.cuts -= 1
            return _cut(answer)
        return answer

    def _dated(self, start: StartResponse) -> StartResponse:
        def start_dated(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [(name, value) for name, value in headers if name.lower() != "date"]
            now = format_datetime(datetime.now(UTC) + self.clock_ahead, usegmt=True)
            return start(status, [*kept, ("Date", now)], *more)

        return start_dated


def _flipped(answer: Iterable[bytes]) -> Iterator[bytes]:
    first = True
    for chunk in answer:
        if first and chunk:
            first = False
            yield bytes([chunk[0] ^ 1]) + chunk[1:]
        else:
            yield chunk


def _cut(answer: Iterable[bytes]) -> Iterator[bytes]:
    whole = b"".join(answer)
    yield whole[: len(whole) // 2]
    raise ConnectionAbortedError


def _error(start: StartResponse, status: int, code: str) -> list[bytes]:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    start(f"{status} No", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]
