"""Starts zulip-ops and Zulip's own tools as people do: as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.runs import process_tree

#: Where the installed commands lie, such as `zulip-run-bot`.
PROGRAMS = Path(sys.executable).parent
ZULIP_OPS = (sys.executable, "-I", "-m", "bot")
#: As nobody: the account may not be able to read the interpreter, so it is become afterwards.
ZULIP_OPS_AS_NOBODY = (sys.executable, str(Path(__file__).with_name("as_nobody.py")))
SECONDS = 60


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the test was started with, without Zulip's own variables."""
    inherited = {name: value for name, value in os.environ.items() if "ZULIP" not in name}
    return {**inherited, **(more or {})}


def call(
    *argv: str, more: Mapping[str, str] | None = None, said: str = "", seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; `said` is what it reads."""
    return subprocess.run(
        argv,
        input=said,
        env=environment(more),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def zulip_ops(
    *arguments: str, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return call(*ZULIP_OPS, *arguments, more=more)


def zulip_ops_as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    return call(*ZULIP_OPS_AS_NOBODY, *arguments)


class Program:
    """One that goes on until the block ends; what it says goes into a file."""

    def __init__(
        self, log: Path, *argv: str, more: Mapping[str, str] | None = None, runs: Path | None = None
    ) -> None:
        self.log = log
        self._argv = argv
        self._environment = environment(more)
        self._runs = runs
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.end()
        if self._runs is not None:
            for folder in self._runs.glob("*-*"):
                process_tree.end(folder)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def kill(self) -> None:
        """SIGKILL: it can put nothing in order."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Until it ends by itself; the exit code."""
        assert self._process is not None
        return self._process.wait(SECONDS)

    def wait_for(self, text: str, seconds: float = SECONDS) -> None:
        """Until it has said this."""
        assert self._process is not None
        until = time.monotonic() + seconds
        while text not in self.said():
            assert self._process.poll() is None, f"it ended, and said:\n{self.said()}"
            assert time.monotonic() < until, f"it never said {text!r}, but:\n{self.said()}"
            time.sleep(0.05)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def bot(configuration: Path, state: Path, more: Mapping[str, str] | None = None) -> Program:
    """The real bot; each start appends to the same log."""
    log = configuration.with_name("bot.log")
    argv = (*ZULIP_OPS, "run", "--config", str(configuration))
    return Program(log, *argv, more=more, runs=state / "runs")
