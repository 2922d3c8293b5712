"""Asks the privileged helper, over its socket, to start and to end runs."""

import socket
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from handlers.contract import JSON
from handlers.errors import OpsError
from jobs.journal import RunName, RunSpec
from jobs.launcher import (
    PROTOCOL_VERSION,
    AlreadyStarted,
    LauncherUnavailable,
    RunHandle,
    RunStatus,
)
from jobs.launching.helper_protocol import ALREADY_STARTED, LONGEST_LINE_BYTES, line
from jobs.runs.fields import Fields, Unreadable

#: The helper answers at once or is not well; it never waits for a run.
ANSWER_LIMIT = timedelta(seconds=30)

T = TypeVar("T")


def _nothing(_answer: Fields) -> Any:
    return None


class HelperLauncher:
    """Satisfies `Launcher`; one connection for each request, so that nothing is left half said."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    def plan(self, spec: RunSpec) -> RunHandle:
        return self._start("plan", spec)

    def start(self, spec: RunSpec) -> RunHandle:
        return self._start("start", spec)

    def cancel(self, run: RunName) -> None:
        self._ask({"request": "cancel", "run": str(run)})

    def status(self, run: RunName) -> RunStatus:
        return self._ask({"request": "status", "run": str(run)}, RunStatus.from_json)

    def facts(self) -> None:
        self._ask({"request": "facts"})

    def _start(self, request: str, spec: RunSpec) -> RunHandle:
        return self._ask({"request": request, "spec": spec.to_json()}, RunHandle.from_json)

    def _ask(self, request: Mapping[str, JSON], understand: Callable[[Fields], T] = _nothing) -> T:
        try:
            answer = Fields.parse(self._exchange(line(request)), "the helper's answer")
            answer.version("version", PROTOCOL_VERSION)
            if answer.flag("ok"):
                return understand(answer)
            raise _refusal(answer)
        except OSError as failure:
            why = failure.strerror or str(failure)
            raise LauncherUnavailable(
                f"The helper does not answer at {self._socket_path}: {why}."
            ) from failure
        except Unreadable as failure:
            raise LauncherUnavailable(f"The helper is not understood. {failure.message}") from None

    def _exchange(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_LIMIT.total_seconds())
            connection.connect(str(self._socket_path))
            connection.sendall(request)
            with connection.makefile("rb") as answers:
                return answers.readline(LONGEST_LINE_BYTES)


def _refusal(answer: Fields) -> OpsError:
    if answer.text("error") == ALREADY_STARTED:
        return AlreadyStarted(answer.text("message"))
    return LauncherUnavailable(f"The helper refused. {answer.text('message')}")
