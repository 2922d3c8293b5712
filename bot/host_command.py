"""Carries out a command typed on the host: through the bot, or alone when the bot is down."""

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.host_socket import ANSWER_SECONDS
from bot.settings import Settings
from bot.without_bot import WithoutBot
from handlers.errors import BadCommand
from handlers.wording import duration
from jobs.journal import RUN, ResultStatus, RunResult
from jobs.journal_reader import JournalReader
from jobs.records import RecordKind
from jobs.run_folder import RunFolder

#: A bot that is well is reached much sooner; then the host's own way is taken.
CONNECT_SECONDS = 2
LOOK_EVERY_SECONDS = 0.2


class NoBotError(Exception):
    """Nobody listens on the bot's socket."""


@dataclass(frozen=True, slots=True)
class HostCommandLine:
    """`zulip-ops do`: the same verbs, spoken as root."""

    settings: Settings
    say: Callable[[str], None]

    def carry_out(self, text: str) -> int:
        """The exit code: 0 done, 1 failed, 2 not understood."""
        try:
            answer, job = ask_bot(self.settings.socket, text)
        except NoBotError:
            return self._alone(text)
        self.say(answer)
        return 0 if job is None else self._follow_job(job)

    def _follow_job(self, job: int) -> int:
        """Show what the job's runs write until the last of them has ended."""
        runs, attempt = self.settings.state_directory / "runs", 1
        while True:
            folder = RunFolder(runs / f"{job}-{attempt}")
            while not folder.path.is_dir():
                time.sleep(LOOK_EVERY_SECONDS)
            result = self._follow_run(folder)
            if result.mode == RUN or result.status is not ResultStatus.PLANNED:
                return self._tell(result)
            if _unmet(result):
                return self._tell_unmet(result)
            attempt += 1

    def _follow_run(self, folder: RunFolder) -> RunResult:
        reader = JournalReader(folder.journal_file)
        while True:
            ended = folder.has_ended
            for record in reader.read() if reader.has_more() else ():
                if record.kind is RecordKind.STEP:
                    self.say(f"  {record.content.get('title')} ...")
            if ended:
                result = folder.read_result()
                assert result is not None
                return result
            time.sleep(LOOK_EVERY_SECONDS)

    def _tell(self, result: RunResult) -> int:
        took = duration((result.ended_at - result.started_at).total_seconds())
        self.say(f"{result.status.value} after {took}: {result.sentence}")
        for line in (result.state and f"Server: {result.state}", result.hint):
            if line:
                self.say(line)
        return 0 if result.status is ResultStatus.SUCCEEDED else 1

    def _tell_unmet(self, result: RunResult) -> int:
        for sentence in _unmet(result):
            self.say(sentence)
        return 1

    def _alone(self, text: str) -> int:
        alone = WithoutBot(self.settings)
        try:
            parsed = alone.understand(text)
        except BadCommand as error:
            self.say(f"{error.message} {error.hint or ''}".rstrip())
            return 2
        if not alone.is_operation(parsed):
            self.say("(The bot does not answer, so this is read from its files.)")
            self.say(alone.answer(parsed))
            return 0
        self.say("(The bot does not answer; it will tell of this in Zulip when it is back.)")
        planned = self._follow_run(RunFolder(alone.plan(parsed).folder))
        if planned.status is not ResultStatus.PLANNED or planned.plan is None:
            return self._tell(planned)
        if _unmet(planned):
            return self._tell_unmet(planned)
        self.say(planned.plan.summary)
        return self._tell(self._follow_run(RunFolder(alone.start(planned).folder)))


def _unmet(result: RunResult) -> list[str]:
    checks = result.plan.preconditions if result.plan else ()
    return [check.sentence for check in checks if not check.holds]


def ask_bot(path: Path, text: str) -> tuple[str, int | None]:
    """The bot's answer, and the number of the job if it made one; raises NoBotError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECT_SECONDS)
        try:
            connection.connect(os.fspath(path))
        except OSError as error:
            raise NoBotError from error
        connection.settimeout(ANSWER_SECONDS + 1)
        request = json.dumps({"version": 1, "command": text}) + "\n"
        answer: dict[str, object] = {}
        with suppress(OSError, ValueError):
            connection.sendall(request.encode())
            answer = json.loads(connection.makefile().readline())
    job = answer.get("job")
    said = str(answer.get("text", "The bot gave no answer; its log says more."))
    return said, job if isinstance(job, int) else None
