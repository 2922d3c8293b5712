"""The real bot in a process of its own, and what it has used of the processor."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from bot.demo.stage import Stage
from handlers.errors import HostFailure
from handlers.host import processes
from state.database import DatabaseUnusable, Transaction, open_read_only

Found = TypeVar("Found")
LOOK_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def bot_running(stage: Stage) -> Iterator[processes.Process]:
    """As the unit starts it; ended on leaving the block, its children too."""
    command = (sys.executable, "-m", "bot", "run", "--config", str(stage.configuration))
    with processes.start(command) as process:
        yield process


def cpu_seconds(pid: int) -> float:
    """User and system time of the process so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def has_ended(pid: int) -> bool:
    """Looks without taking the exit code away."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, options) is not None


def read(stage: Stage, question: Callable[[Transaction], Found], before: Found) -> Found:
    """What the bot's database says; `before` while there is none."""
    try:
        database = open_read_only(stage.state / "zulip-ops.db")
    except DatabaseUnusable:
        return before
    try:
        with database.read() as tx:
            return question(tx)
    finally:
        database.close()


def wait_until(holds: Callable[[], bool], what: str, limit: timedelta) -> None:
    """Look again and again; raises HostFailure when it takes too long."""
    give_up = time.monotonic() + limit.total_seconds()
    while not holds():
        if time.monotonic() > give_up:
            raise HostFailure(f"Waited in vain for {what}.")
        time.sleep(LOOK_SECONDS)
