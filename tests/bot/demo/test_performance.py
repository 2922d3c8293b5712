"""`zulip-ops demo` as a process: on a terminal, and ended in the middle."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

DEMO = (sys.executable, "-I", "-m", "bot", "demo")
LIMIT_SECONDS = 60


class Terminal:
    """The other end of a terminal in which the demo runs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._end, end = pty.openpty()
        self.process = subprocess.Popen(
            DEMO, stdin=end, stdout=end, stderr=end, env=environment, start_new_session=True
        )
        os.close(end)
        self.text = ""

    def type(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def read_until(self, pattern: str) -> str:
        """What was shown since the last time, up to and with the pattern."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, self.text
            if select.select([self._end], [], [], 0.5)[0]:
                new = self._read()
                assert new, f"The demo has ended: {self.text}"
                self.text += new
        shown, self.text = self.text[: found.end()], self.text[found.end() :]
        return shown

    def _read(self) -> str:
        try:
            return os.read(self._end, 65536).decode(errors="replace")
        except OSError:
            return ""

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(LIMIT_SECONDS)
        os.close(self._end)


@contextmanager
def terminal(environment: Mapping[str, str]) -> Iterator[Terminal]:
    opened = Terminal(environment)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the demo puts everything temporary; paths of sockets have to be short."""
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def environment_of(place: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(place), "TERM": "dumb", "COLUMNS": "100"}


def test_on_a_terminal_one_chats_with_the_real_bot_until_control_d(
    place: Path,
) -> None:
    with terminal(environment_of(place)) as screen:
        page = screen.read_until(r"http://127\.0\.0\.1:\d+/")
        assert "Ready after" in page
        screen.read_until("Iago in #ops › chat: ")
        screen.type("@ops bakcup now\r")
        screen.read_until("Did you mean `@ops backup now`")
        screen.type("@ops backup now\r")
        *_, card = re.findall(r"\[(\d+)\] +ops", screen.read_until("To confirm"))
        screen.type(f":check: {card}\r")
        screen.read_until("is stored in local")
        screen.type("\x04")
        screen.read_until("Taking everything down")
        assert screen.process.wait(LIMIT_SECONDS) == 0
    assert list(place.iterdir()) == []


def test_ended_in_the_middle_it_leaves_nothing_behind(place: Path) -> None:
    environment = environment_of(place)
    with subprocess.Popen(
        DEMO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, text=True
    ) as tour:
        assert tour.stdout is not None
        assert any("@ops status" in line for line in tour.stdout)
        tour.send_signal(signal.SIGTERM)
        tour.stdout.read()
        assert tour.wait(LIMIT_SECONDS) == 128 + signal.SIGTERM
    assert list(place.iterdir()) == []
