"""The answers of the server: JSON as Zulip writes it, and the HTML of nginx and Django."""

import json
from collections.abc import Mapping

from aiohttp import web

from bot.demo.zulip.model.errors import ApiError


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def success(body: Mapping[str, object], headers: Mapping[str, str]) -> web.Response:
    whole = {"result": "success", "msg": "", **body}
    return web.Response(body=_json(whole), content_type="application/json", headers=headers)


def refusal(error: ApiError, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=_json(error.body()),
        status=error.status,
        content_type="application/json",
        headers={**(headers or {}), **error.headers},
    )


def method_not_allowed(allowed: list[str]) -> web.Response:
    """JSON without a code, served as HTML (seen on 9.2)."""
    body = {"result": "error", "msg": "Method Not Allowed", "allowed_methods": allowed}
    return web.Response(
        body=_json(body),
        status=405,
        content_type="text/html",
        charset="utf-8",
        headers={"Allow": ", ".join(allowed)},
    )


def plain_server_error() -> web.Response:
    """A 500 is JSON without a code (seen on 9.2)."""
    body = {"result": "error", "msg": "Internal server error"}
    return web.Response(body=_json(body), status=500, content_type="application/json")


def bad_gateway() -> web.Response:
    """What nginx answers while Zulip behind it is down: HTML."""
    return _html(502, "500 internal server error | Zulip", "Internal server error")


def too_large() -> web.Response:
    """nginx itself refuses bodies beyond 80 MB: HTML."""
    return _html(413, "413 Request Entity Too Large", "413 Request Entity Too Large")


def not_found() -> web.Response:
    """Also below /api/v1 a page in HTML (seen on 9.2)."""
    return _html(404, "Error | Zulip", "Page not found (404)")


def forbidden_file() -> web.Response:
    text = "<p>You are not authorized to view this file.</p>"
    return web.Response(text=text, status=403, content_type="text/html")


def _html(status: int, title: str, text: str) -> web.Response:
    page = (
        '<!doctype html><html><head><meta charset="UTF-8"/>'
        f"<title>{title}</title></head><body><h1>{text}</h1></body></html>"
    )
    return web.Response(text=page, status=status, content_type="text/html")
