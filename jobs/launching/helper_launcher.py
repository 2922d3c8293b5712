"""Asks the privileged helper, over its socket, to start and to end runs."""

import socket
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from handlers.contract import JSON
from handlers.errors import OpsError
from jobs.journal import RunName, RunSpec
from jobs.launcher import (
    PROTOCOL_VERSION,
    AlreadyStarted,
    AnswerLost,
    LauncherUnavailable,
    RunHandle,
    RunStatus,
)
from jobs.launching.grant import Grant
from jobs.launching.helper_protocol import ALREADY_STARTED, LONGEST_LINE_BYTES, UNCLEAR, line
from jobs.runs.fields import Fields, Unreadable

#: The helper answers at once or is not well; it never waits for a run.
ANSWER_LIMIT = timedelta(seconds=30)
#: Whoever follows runs asks for each again and again, and must not be held up by one.
STATUS_LIMIT = timedelta(seconds=5)

T = TypeVar("T")


def _nothing(_answer: Fields) -> None:
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
        self._ask({"request": "cancel", "run": str(run)}, _nothing)

    def status(self, run: RunName) -> RunStatus:
        asked = {"request": "status", "run": str(run)}
        return self._ask(asked, RunStatus.from_json, STATUS_LIMIT)

    def facts(self) -> None:
        self._ask({"request": "facts"}, _nothing)

    def grant(self, grant: Grant) -> str:
        asked: dict[str, JSON] = {"request": "grant", "grant": grant.to_json()}
        return self._ask(asked, lambda answer: answer.text("mark"))

    def revoke(self, schedule: str) -> bool:
        asked = {"request": "revoke", "schedule": schedule}
        return self._ask(asked, lambda answer: answer.flag("revoked"))

    def _start(self, request: str, spec: RunSpec) -> RunHandle:
        return self._ask({"request": request, "spec": spec.to_json()}, RunHandle.from_json)

    def _ask(
        self,
        request: Mapping[str, JSON],
        understand: Callable[[Fields], T],
        limit: timedelta = ANSWER_LIMIT,
    ) -> T:
        try:
            answer = Fields.parse(self._exchange(line(request), limit), "the helper's answer")
            if not answer.flag("ok"):
                # Of whatever version: what is refused was not begun.
                raise _refusal(answer)
            if answer.whole("version") != PROTOCOL_VERSION:
                raise Unreadable("It speaks another version: restart the bot, or the helper.")
            return understand(answer)
        except Unreadable as failure:
            raise AnswerLost(f"The helper is not understood. {failure.message}") from None

    def _exchange(self, request: bytes, limit: timedelta) -> bytes:
        """Until it is connected nothing can have been done; from then on it may have been."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(limit.total_seconds())
            try:
                connection.connect(str(self._socket_path))
            except OSError as failure:
                raise LauncherUnavailable(self._no_answer(failure)) from failure
            try:
                connection.sendall(request)
                with connection.makefile("rb") as answers:
                    return answers.readline(LONGEST_LINE_BYTES)
            except OSError as failure:
                raise AnswerLost(self._no_answer(failure)) from failure

    def _no_answer(self, failure: OSError) -> str:
        why = failure.strerror or str(failure)
        return f"The helper does not answer at {self._socket_path}: {why}."


def _refusal(answer: Fields) -> OpsError:
    if answer.text("error") == ALREADY_STARTED:
        return AlreadyStarted(answer.text("message"))
    if answer.text("error") == UNCLEAR:
        return AnswerLost(f"The helper does not know. {answer.text('message')}")
    return LauncherUnavailable(f"The helper refused. {answer.text('message')}")
