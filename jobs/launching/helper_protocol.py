"""The requests that a privileged helper serves, as JSON lines, and what it answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handlers.contract import JSON
from handlers.errors import OpsError
from jobs.journal import PLAN, RUN, RunName, RunSpec
from jobs.launcher import (
    PROTOCOL_VERSION,
    AlreadyStarted,
    AnswerLost,
    Launcher,
    LauncherUnavailable,
)
from jobs.launching.grant import Grant, schedule_name
from jobs.runs.fields import Fields, Unreadable

#: With the newline that ends it.
LONGEST_LINE_BYTES = 256 * 1024

ALREADY_STARTED = "already_started"
UNAVAILABLE = "unavailable"
UNCLEAR = "unclear"
UNREADABLE = "unreadable"

Answer = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Request:
    """One entry of the closed list: the one field it takes, and how it is carried out."""

    takes: str | None
    carry_out: Callable[[Launcher, Fields], Answer]


def line(record: Mapping[str, JSON]) -> bytes:
    return json.dumps({"version": PROTOCOL_VERSION, **record}).encode() + b"\n"


def answer(launcher: Launcher, asked: bytes) -> bytes:
    """One request carried out by a launcher; whatever was asked, there is an answer."""
    try:
        return line({"ok": True, **_carry_out(launcher, _read(asked))})
    except AlreadyStarted as error:
        return _refusal(ALREADY_STARTED, error)
    except AnswerLost as error:
        return _refusal(UNCLEAR, error)
    except LauncherUnavailable as error:
        return _refusal(UNAVAILABLE, error)
    except Unreadable as error:
        return _refusal(UNREADABLE, error)


def _read(asked: bytes) -> Fields:
    if len(asked) > LONGEST_LINE_BYTES:
        raise Unreadable(f"The request is longer than {LONGEST_LINE_BYTES} bytes.")
    if not asked.endswith(b"\n"):
        raise Unreadable("The request does not end with its line.")
    return Fields.parse(asked, "the request")


def _carry_out(launcher: Launcher, asked: Fields) -> Answer:
    # Exactly ours: a helper that outlived an upgrade is started anew, and never guesses.
    if asked.whole("version") != PROTOCOL_VERSION:
        raise Unreadable(f"Version {PROTOCOL_VERSION} is spoken here.")
    name = asked.text("request")
    request = TABLE.get(name)
    if request is None:
        raise Unreadable(f"There is no request {name[:80]!r}.")
    taken = () if request.takes is None else (request.takes,)
    asked.nothing_but("version", "request", *taken)
    return request.carry_out(launcher, asked)


def _plan(launcher: Launcher, asked: Fields) -> Answer:
    return launcher.plan(_spec(asked, PLAN)).to_json()


def _start(launcher: Launcher, asked: Fields) -> Answer:
    return launcher.start(_spec(asked, RUN)).to_json()


def _cancel(launcher: Launcher, asked: Fields) -> Answer:
    launcher.cancel(_name(asked))
    return {}


def _status(launcher: Launcher, asked: Fields) -> Answer:
    return launcher.status(_name(asked)).to_json()


def _facts(launcher: Launcher, _asked: Fields) -> Answer:
    launcher.facts()
    return {}


def _grant(launcher: Launcher, asked: Fields) -> Answer:
    return {"mark": launcher.grant(Grant.from_json(asked.fields("grant")))}


def _revoke(launcher: Launcher, asked: Fields) -> Answer:
    return {"revoked": launcher.revoke(schedule_name(asked))}


#: The closed list.
TABLE = {
    "plan": Request("spec", _plan),
    "start": Request("spec", _start),
    "cancel": Request("run", _cancel),
    "status": Request("run", _status),
    "facts": Request(None, _facts),
    "grant": Request("grant", _grant),
    "revoke": Request("schedule", _revoke),
}


def _spec(asked: Fields, mode: str) -> RunSpec:
    spec = RunSpec.from_json(asked.table("spec"))
    if spec.mode != mode:
        raise Unreadable(f"The spec of a {mode!r} asks for {spec.mode!r}.")
    return spec


def _name(asked: Fields) -> RunName:
    try:
        return RunName.parse(asked.text("run"))
    except ValueError as error:
        raise Unreadable(f"The request names no run: {error}.") from error


def _refusal(code: str, error: OpsError) -> bytes:
    return line({"ok": False, "error": code, "message": error.message})
