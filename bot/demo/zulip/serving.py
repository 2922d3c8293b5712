"""From an HTTP request to its answer: outage, faults, authentication, rate limit, endpoint."""

import asyncio
import mimetypes
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

from aiohttp import web
from aiohttp.web_request import FileField

from bot.demo.zulip.api import answers
from bot.demo.zulip.api.asking import (
    Asked,
    Parameters,
    Site,
    authenticate,
    client_name,
    credentials,
)
from bot.demo.zulip.api.events import poll_of
from bot.demo.zulip.api.routes import ROUTES, UNLIMITED, Endpoint
from bot.demo.zulip.calls import Call, CallLog
from bot.demo.zulip.faults import Faults, Request, Trouble, forged, suffer
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.queues import InterruptedPollError
from bot.demo.zulip.rate_limit import RateLimits
from bot.demo.zulip.uploads import Upload

#: Beyond this nginx refuses the body itself.
MAX_BODY_BYTES = 80 * 1024 * 1024

#: The rate-limit headers of the request's answer.
LIMITS: web.RequestKey[Mapping[str, str]] = web.RequestKey("limits")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Condition:
    """How the server is doing as a whole."""

    #: Everything is answered by nginx alone: 502.
    is_down: bool = False
    #: What /health finds missing; None is healthy.
    not_ready: str | None = None


@dataclass(slots=True)
class Front:
    """Everything between the socket and the endpoints."""

    site: Site
    lock: threading.RLock
    faults: Faults = field(default_factory=Faults)
    calls: CallLog = field(default_factory=CallLog)
    condition: Condition = field(default_factory=Condition)
    rate_limits: RateLimits = field(init=False)

    def __post_init__(self) -> None:
        self.rate_limits = RateLimits(self.site.realm.clock)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._middleware])
        for path, methods in ROUTES.items():
            bucket = None if path in UNLIMITED else "api"
            served: dict[str, Handler] = {
                method: self._endpoint(endpoint, bucket) for method, endpoint in methods.items()
            }
            if path == "/events":
                served["GET"] = self._poll
            app.router.add_route("*", f"/api/v1{path}", _by_method(served))
        settings = _by_method({"GET": self._server_settings})
        app.router.add_route("*", "/api/v1/server_settings", settings)
        app.router.add_get("/user_uploads/temporary/{token}/{name}", self._temporary_file)
        app.router.add_get("/user_uploads/{file:.+}", self._file)
        app.router.add_get("/health", self._health)
        return app

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/" or request.path.startswith("/demo/"):
            return await handler(request)
        started, at, status = perf_counter(), self.site.realm.clock.now(), 0
        seen = Request(request.method, request.path, _claimed_user(request))
        try:
            response = await self._answer(request, handler, seen)
            status = 0 if request.transport is None else response.status
            if request.transport is not None and request.transport.is_closing():
                status = 0
            return response
        finally:
            self._log(seen, status, at, perf_counter() - started)

    def _log(self, seen: Request, status: int, at: datetime, seconds: float) -> None:
        self.calls.add(Call(seen.method, seen.path, seen.user, status, at, seconds))

    async def _answer(
        self, request: web.Request, handler: Handler, seen: Request
    ) -> web.StreamResponse:
        if self.condition.is_down:
            return answers.bad_gateway()
        fault = self.faults.take(seen)
        if fault is not None and not fault.needs_answer:
            response = await suffer(fault, request)
            if response is not None:
                return response
        response = await self._handled(request, handler)
        if fault is not None and fault.trouble is Trouble.FORGED:
            return forged(fault, response)
        if fault is not None and fault.after_effect:
            return await suffer(fault, request) or response
        return response

    async def _handled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return answers.refusal(error, request.get(LIMITS))
        except InterruptedPollError:
            return answers.bad_gateway()
        except web.HTTPRequestEntityTooLarge:
            return answers.too_large()
        except web.HTTPNotFound:
            return answers.not_found()

    def _endpoint(self, endpoint: Endpoint, bucket: str | None) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            values, files = await _read(request)
            with self.lock:
                asked = self._asked(request, values, files, bucket)
                body = endpoint(asked)
                ignored = asked.parameters.ignored()
            if ignored:
                body = {**body, "ignored_parameters_unsupported": ignored}
            return answers.success(body, request[LIMITS])

        return handle

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        values, files = await _read(request)
        with self.lock:
            poll = poll_of(self._asked(request, values, files, "events"))
        events, has_waited = await self.site.queues.poll(poll)
        if has_waited:
            # Seen on 9.2: an answer that was waited for names its queue and no limits.
            return answers.success({"events": events, "queue_id": poll.queue_id}, {})
        return answers.success({"events": events}, request[LIMITS])

    def _asked(
        self,
        request: web.Request,
        values: Mapping[str, str],
        files: list[Upload],
        bucket: str | None,
    ) -> Asked:
        """Raises ApiError when the key is wrong or the minute's calls are used up."""
        person = authenticate(self.site.realm, request.headers.get("Authorization"))
        limits = {} if bucket is None else self.rate_limits.take(person.id, bucket).headers()
        request[LIMITS] = limits
        parameters = Parameters(values)
        client = client_name(request.headers.get("User-Agent"), values.get("client"))
        return Asked(self.site, person, parameters, client, request.match_info, files)

    async def _server_settings(self, request: web.Request) -> web.StreamResponse:
        del request
        return answers.success(server_settings(self.site), {})

    async def _health(self, request: web.Request) -> web.StreamResponse:
        del request
        missing = self.condition.not_ready
        if missing is not None:
            raise ApiError(missing, "SERVER_NOT_READY", 500)
        return answers.success({}, {})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """Also the plain path takes address and key (seen on 9.2)."""
        if "Authorization" not in request.headers:
            return answers.forbidden_file()
        with self.lock:
            self._asked(request, {}, [], None)
            upload = self.site.uploads.files.get(request.path)
        return _sent(upload)

    async def _temporary_file(self, request: web.Request) -> web.StreamResponse:
        now = self.site.realm.clock.timestamp()
        return _sent(self.site.uploads.by_token(request.match_info["token"], now))


def server_settings(site: Site) -> dict[str, object]:
    """What everybody may know of the server without a key."""
    settings, url = site.realm.settings, site.realm.url
    off = ("ldap", "remoteuser", "github", "azuread", "gitlab", "google", "apple", "saml")
    methods = {"password": True, "dev": False, "email": True, **dict.fromkeys(off, False)}
    return {
        "authentication_methods": {**methods, "openid connect": False},
        "zulip_version": settings.zulip_version,
        "zulip_merge_base": settings.zulip_version,
        "zulip_feature_level": settings.feature_level,
        "push_notifications_enabled": False,
        "is_incompatible": False,
        "email_auth_enabled": True,
        "require_email_format_usernames": True,
        "realm_url": url,
        "realm_name": settings.name,
        "realm_icon": f"{url}/static/images/default-avatar.png?version=0",
        "realm_description": "",
        "realm_web_public_access_enabled": False,
        "external_authentication_methods": [],
        "realm_uri": url,
    }


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    allowed = [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if method in handlers]
    if "GET" in handlers:
        allowed.append("HEAD")

    async def dispatch(request: web.Request) -> web.StreamResponse:
        method = "GET" if request.method == "HEAD" else request.method
        handler = handlers.get(method)
        return answers.method_not_allowed(allowed) if handler is None else await handler(request)

    return dispatch


async def _read(request: web.Request) -> tuple[dict[str, str], list[Upload]]:
    """Parameters of query and form alike, and the files of a multipart form."""
    values = dict(request.query)
    files: list[Upload] = []
    if request.can_read_body:
        for name, value in (await request.post()).items():
            if isinstance(value, FileField):
                data = await asyncio.to_thread(value.file.read)
                files.append(Upload(value.filename, data, value.content_type))
            elif isinstance(value, str):
                values[name] = value
    return values, files


def _claimed_user(request: web.Request) -> str | None:
    try:
        return credentials(request.headers.get("Authorization"))[0]
    except ApiError:
        return None


def _sent(upload: Upload | None) -> web.StreamResponse:
    if upload is None:
        return answers.not_found()
    headers = {"Content-Disposition": "inline", "X-Content-Type-Options": "nosniff"}
    kind = mimetypes.guess_type(upload.name)[0] or upload.content_type
    return web.Response(body=upload.data, content_type=kind, headers=headers)
