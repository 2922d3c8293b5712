"""The real bot of the demo, in a process of its own."""

import os
import signal
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.demo.stage import Stage
from handlers.errors import HostFailure
from handlers.host import processes
from jobs.observing.facts import FACTS_FILE
from jobs.runs import process_tree

#: Writes what the bot logs into a file; `exec` keeps the process's number.
_WITH_LOG = ("/bin/sh", "-c", 'exec "$@" 2>"$0"')
_CONNECT_LIMIT = timedelta(seconds=60)
#: `status` is to have something to tell from the first command on.
_FIRST_LOOK_LIMIT = timedelta(seconds=10)
_END_LIMIT = timedelta(seconds=20)
_PAUSE_SECONDS = 0.05
_TAIL_LINES = 15


class BotProcess:
    """Started and connected on entering the block; ended on leaving it, with all its runs."""

    def __init__(self, stage: Stage) -> None:
        self.log = stage.folder / "bot.log"
        self._stage = stage
        self._process: processes.Process | None = None

    def __enter__(self) -> Self:
        self.log.touch(mode=0o600)
        command = (sys.executable, "-I", "-m", "bot", "run")
        arguments = ("--config", str(self._stage.configuration))
        self._process = processes.start((*_WITH_LOG, str(self.log), *command, *arguments))
        try:
            self._wait_until_connected()
            self._wait_for_first_look()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def has_ended(self) -> bool:
        """Looks without taking the exit code away from `end`."""
        if self._process is None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def end(self) -> int | None:
        """SIGTERM, and its exit code; None when it had to be killed or was ended before."""
        process, self._process = self._process, None
        if process is None:
            return None
        with process:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            try:
                return process.wait(_END_LIMIT)
            except HostFailure:
                return None
            finally:
                self._end_runs()

    def log_tail(self) -> str:
        """The last lines of the log, for people."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    def _end_runs(self) -> None:
        """Runs outlive the bot; here nobody would come back for them."""
        for folder in sorted((self._stage.state / "runs").glob("*-*")):
            process_tree.end(Path(folder))

    def _wait_until_connected(self) -> None:
        deadline = time.monotonic() + _CONNECT_LIMIT.total_seconds()
        while not self._is_registered():
            if self.has_ended:
                raise HostFailure("The bot has ended instead of connecting.", tail=self.log_tail())
            if time.monotonic() > deadline:
                raise HostFailure("The bot has not connected in time.", tail=self.log_tail())
            time.sleep(_PAUSE_SECONDS)

    def _is_registered(self) -> bool:
        zulip, bot = self._stage.zulip, self._stage.cast.bot
        return any(call.status == 200 for call in zulip.calls("POST", "/api/v1/register", bot))

    def _wait_for_first_look(self) -> None:
        deadline = time.monotonic() + _FIRST_LOOK_LIMIT.total_seconds()
        facts = self._stage.state / FACTS_FILE
        while not facts.exists() and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
