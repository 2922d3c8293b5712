"""The requests that a privileged helper serves, as JSON lines, and what it answers."""

import json
from collections.abc import Mapping

from handlers.contract import JSON
from handlers.errors import OpsError
from jobs.journal import PLAN, RUN, RunName, RunSpec
from jobs.launcher import PROTOCOL_VERSION, AlreadyStarted, Launcher, LauncherUnavailable
from jobs.runs.fields import Fields, Unreadable

#: The closed list; `grant` and `revoke` come with the helper itself.
REQUESTS = frozenset({"plan", "start", "cancel", "status", "facts"})
LONGEST_LINE_BYTES = 256 * 1024

ALREADY_STARTED = "already_started"
UNAVAILABLE = "unavailable"
UNREADABLE = "unreadable"


def line(record: Mapping[str, JSON]) -> bytes:
    return json.dumps({"version": PROTOCOL_VERSION, **record}).encode() + b"\n"


def answer(launcher: Launcher, asked: bytes) -> bytes:
    """One request carried out by a launcher; whatever was asked, there is an answer."""
    try:
        return line({"ok": True, **_carry_out(launcher, Fields.parse(asked, "the request"))})
    except AlreadyStarted as error:
        return _refusal(ALREADY_STARTED, error)
    except LauncherUnavailable as error:
        return _refusal(UNAVAILABLE, error)
    except Unreadable as error:
        return _refusal(UNREADABLE, error)


def _carry_out(launcher: Launcher, request: Fields) -> Mapping[str, JSON]:
    request.version("version", PROTOCOL_VERSION)
    match request.text("request"):
        case "plan":
            return launcher.plan(_spec(request, PLAN)).to_json()
        case "start":
            return launcher.start(_spec(request, RUN)).to_json()
        case "cancel":
            launcher.cancel(_name(request))
        case "status":
            return launcher.status(_name(request)).to_json()
        case "facts":
            launcher.facts()
        case unknown:
            raise Unreadable(f"There is no request {unknown!r}.")
    return {}


def _spec(request: Fields, mode: str) -> RunSpec:
    spec = RunSpec.from_json(request.table("spec"))
    if spec.mode != mode:
        raise Unreadable(f"The spec of a {mode!r} asks for {spec.mode!r}.")
    return spec


def _name(request: Fields) -> RunName:
    try:
        return RunName.parse(request.text("run"))
    except ValueError as error:
        raise Unreadable(f"The request names no run: {error}.") from error


def _refusal(code: str, error: OpsError) -> bytes:
    return line({"ok": False, "error": code, "message": error.message})
