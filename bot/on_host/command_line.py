"""Carries out a command typed on the host: through the bot, or alone when the bot is down."""

import json
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.events import HostAnswer
from bot.grammar import Parsed
from bot.on_host.host_socket import ANSWER_SECONDS, short_address
from bot.on_host.run_display import RunDisplay
from bot.on_host.without_bot import WithoutBot
from bot.settings import Settings
from handlers.errors import BadCommand, Reason, Refused
from jobs.journal import RUN, ResultStatus
from jobs.runs.run_folder import RunFolder

#: A bot that is well is reached much sooner; then the host's own way is taken.
CONNECT_SECONDS = 2
REFUSED, NOT_UNDERSTOOD = 1, 2
#: A terminal shows Zulip's tags for times as they are.
_TIME_TAG = re.compile(r"<time:([^>]+)>")


class NoBotError(Exception):
    """Nobody listens on the bot's socket."""


@dataclass(frozen=True, slots=True)
class HostCommandLine:
    """`zulip-ops do`: the same verbs, spoken as root."""

    settings: Settings
    say: Callable[[str], None]

    def carry_out(self, text: str) -> int:
        """The exit code: 0 done, 1 failed or refused, 2 not understood. Raises OpsError."""
        alone = WithoutBot(self.settings)
        try:
            parsed = alone.understand(text)
        except BadCommand as error:
            self.say(f"{error.message} {error.hint or ''}".rstrip())
            return NOT_UNDERSTOOD
        try:
            answer = ask_bot(self.settings.socket, text)
        except NoBotError:
            return self._alone(alone, parsed)
        if answer.job_id is None:
            return self._tell(answer)
        return self._follow_job(alone, parsed, answer)

    def _say(self, text: str) -> None:
        self.say(_TIME_TAG.sub(r"\1", text))

    def _tell(self, answer: HostAnswer) -> int:
        self._say(answer.text)
        return REFUSED if answer.is_refusal else 0

    def _display(self, parsed: Parsed) -> RunDisplay:
        return RunDisplay(self._say, parsed.verb.name)

    def _follow_job(self, alone: WithoutBot, parsed: Parsed, answer: HostAnswer) -> int:
        """Show what the job's runs write until the last of them has ended."""
        self._tell(answer)
        job = answer.job_id
        assert job is not None
        display, attempt = self._display(parsed), 1
        runs = self.settings.state_directory / "runs"
        while True:
            folder = RunFolder(runs / f"{job}-{attempt}")
            result = display.follow(folder, partial(alone.end_of_job, job))
            planned = not isinstance(result, str) and result.status is ResultStatus.PLANNED
            if isinstance(result, str) or result.mode == RUN or not planned:
                return display.tell(result)
            if display.tell_unmet(result):
                return 1
            attempt += 1

    def _alone(self, alone: WithoutBot, parsed: Parsed) -> int:
        if not alone.is_operation(parsed):
            self.say("(The bot does not answer, so this is read from its files.)")
            return self._tell(alone.answer(parsed))
        self.say("(The bot does not answer; it will tell of this in Zulip when it is back.)")
        display, handle = self._display(parsed), alone.plan(parsed)
        planned = display.follow(RunFolder(handle.folder), partial(alone.end_of_run, handle))
        if isinstance(planned, str) or planned.status is not ResultStatus.PLANNED:
            return display.tell(planned)
        if display.tell_unmet(planned):
            return 1
        if planned.plan is not None:
            self.say(planned.plan.summary)
        handle = alone.start(planned)
        result = display.follow(RunFolder(handle.folder), partial(alone.end_of_run, handle))
        return display.tell(result)


def ask_bot(path: Path, text: str) -> HostAnswer:
    """The bot's answer.

    Raises NoBotError when nobody listens, and Refused when the bot takes no command from here or
    does not answer: it may have acted, so nothing is done twice.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        _connect(connection, path)
        connection.settimeout(ANSWER_SECONDS + 1)
        request = json.dumps({"version": 1, "command": text}) + "\n"
        answer: dict[str, object] = {}
        with suppress(OSError, ValueError):
            connection.sendall(request.encode())
            answer = json.loads(connection.makefile().readline())
    if "text" not in answer:
        why = answer.get("refused", "The bot gave no answer; its log says more.")
        hint = "`zulip-ops do history` shows what became of it."
        raise Refused(str(why), reason=Reason.BUSY, hint=hint)
    job = answer.get("job")
    number = job if isinstance(job, int) else None
    return HostAnswer(str(answer["text"]), number, is_refusal=answer.get("is_refusal") is True)


def _connect(connection: socket.socket, path: Path) -> None:
    connection.settimeout(CONNECT_SECONDS)
    try:
        with short_address(path) as address:
            connection.connect(address)
    except PermissionError:
        raise Refused(
            f"{path} takes commands from root alone.",
            reason=Reason.NOT_PERMITTED,
            hint="Put `sudo` before it.",
        ) from None
    except OSError as error:
        raise NoBotError from error
