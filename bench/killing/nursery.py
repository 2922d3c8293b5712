"""Starts bots as forks of one process, so that a thousand of them do not import everything anew."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.killing import quick_bot

_PROGRAM = (sys.executable, "-m", "bench.killing.nursery")
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True)
class Child:
    """One bot, to be handled like a process of one's own."""

    nursery: "Nursery"
    pid: int
    #: As subprocess has it: less than zero when a signal ended it, None while it lives.
    returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(timedelta(0))

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutError."""
        code = self._look(None if timeout is None else timedelta(seconds=timeout))
        if code is None:
            raise TimeoutError(f"bot {self.pid} has not ended")
        return code

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, sig: int) -> None:
        """Nobody takes the number of a child that the nursery has not buried."""
        if self.returncode is None:
            os.kill(self.pid, sig)

    def _look(self, patience: timedelta | None) -> int | None:
        if self.returncode is None and self._has_ended(patience):
            self.returncode = self.nursery.bury(self.pid)
        return self.returncode

    def _has_ended(self, patience: timedelta | None) -> bool:
        descriptor = os.pidfd_open(self.pid)
        try:
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            return bool(waiting.poll(None if patience is None else patience // _MILLISECOND))
        finally:
            os.close(descriptor)


class Nursery:
    """A process with one thread, everything imported, and nothing begun."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            _PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def start(self, configuration: Path, environment: Mapping[str, str], log: Path) -> Child:
        """A bot with more in its environment, whose standard error is added to the log."""
        return Child(self, self._ask([str(configuration), dict(environment), str(log)]))

    def bury(self, pid: int) -> int:
        """How the child ended that has."""
        return self._ask(pid)

    def _ask(self, request: object) -> int:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{json.dumps(request)}\n")
        stdin.flush()
        return int(stdout.readline())


def main() -> None:
    """For each line on standard input a bot, or the end of one; until there are no more."""
    assert threading.active_count() == 1, "only a process of one thread may fork"
    for line in sys.stdin:
        request = json.loads(line)
        answer = _buried(request) if isinstance(request, int) else _born(*request)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _buried(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _born(configuration: str, environment: dict[str, str], log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    _redirect(os.devnull, os.O_RDONLY, 0)
    _redirect(os.devnull, os.O_WRONLY, 1)
    _redirect(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 2)
    os.environ.update(environment)
    try:
        quick_bot.main(Path(configuration))
    finally:
        os._exit(1)


def _redirect(path: str, flags: int, to: int) -> None:
    descriptor = os.open(path, flags, 0o644)
    os.dup2(descriptor, to)
    os.close(descriptor)


if __name__ == "__main__":
    main()
