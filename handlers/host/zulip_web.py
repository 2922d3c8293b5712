"""Asks Zulip itself, as the host reaches it, whether it is well and which version is running."""

import json
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from handlers.errors import HostFailure, Reason
from handlers.host.settings import HostSettings

TIME_LIMIT = timedelta(seconds=4)
_LARGEST_ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Health:
    """What `/health` says of database, RabbitMQ, Redis and memcached; not of Tornado or workers."""

    ready: bool
    #: `ok`, or what is wrong, as a clause.
    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RunningVersion:
    """What the running processes say they are; `current` may already point at something else."""

    version: str
    feature_level: int | None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    #: None where the body is not a JSON object, as in nginx's own error pages.
    body: dict[str, object] | None
    location: str
    seconds: float


def ask_health(settings: HostSettings, timeout: timedelta = TIME_LIMIT) -> Health:
    """What Zulip's health endpoint says (8.0 and later; answers only to loopback).

    Raises HostFailure when nothing answers within the time limit.
    """
    answer = _ask(settings, "/health", timeout)
    if answer.status == 200:
        return Health(ready=True, message="ok", seconds=answer.seconds)
    return Health(ready=False, message=_complaint(answer), seconds=answer.seconds)


def ask_version(settings: HostSettings, timeout: timedelta = TIME_LIMIT) -> RunningVersion:
    """The version that is running, from `/api/v1/server_settings`, which needs no key.

    Raises HostFailure when there is no answer, or none that names a version.
    """
    answer = _ask(settings, "/api/v1/server_settings", timeout)
    version = (answer.body or {}).get("zulip_version")
    level = (answer.body or {}).get("zulip_feature_level")
    if answer.status != 200 or not isinstance(version, str):
        raise HostFailure(f"Zulip did not say which version is running: {_complaint(answer)}.")
    return RunningVersion(version, level if isinstance(level, int) else None)


def _complaint(answer: _Answer) -> str:
    if answer.body is not None and answer.body.get("code") == "SERVER_NOT_READY":
        return str(answer.body.get("msg") or "not ready")
    if answer.status == 502:
        return "nginx answers 502, so Zulip's own web server is not running"
    if answer.status == 403:
        return "nginx refuses it (403), as the question did not come from loopback"
    if 300 <= answer.status < 400:
        return f"the answer is a redirect to {answer.location or 'nowhere'}"
    if answer.body is not None and isinstance(answer.body.get("msg"), str):
        return f"the answer is {answer.status}, {answer.body['msg']}"
    return f"the answer is {answer.status} and not Zulip's"


def _ask(settings: HostSettings, path: str, timeout: timedelta) -> _Answer:
    # http.client knows no proxies and follows no redirects: what answers is this very host.
    started = time.monotonic()
    connection = _connect(settings, timeout)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(_LARGEST_ANSWER_BYTES)
    except TimeoutError as error:
        raise _silent(settings, f"no answer within {timeout.total_seconds():g} s") from error
    except (OSError, HTTPException) as error:
        raise _silent(settings, _why(error)) from error
    finally:
        connection.close()
    seconds = time.monotonic() - started
    return _Answer(response.status, _json(body), response.getheader("Location", ""), seconds)


def _connect(settings: HostSettings, timeout: timedelta) -> HTTPConnection:
    url = urlsplit(settings.url)
    if url.scheme not in ("http", "https") or url.hostname is None:
        raise HostFailure(
            f"`host.url` is not an address of the web: {settings.url}.",
            reason=Reason.NOT_CONFIGURED,
        )
    seconds = timeout.total_seconds()
    if url.scheme == "http":
        return HTTPConnection(url.hostname, url.port, timeout=seconds)
    context = ssl.create_default_context()
    if not settings.check_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(url.hostname, url.port, timeout=seconds, context=context)


def _json(body: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def _silent(settings: HostSettings, why: str) -> HostFailure:
    return HostFailure(
        f"Zulip does not answer on {settings.url}: {why}.",
        hint="Run `supervisorctl status` and `systemctl status nginx` on the host.",
    )
