"""How long bot and runner take to start, and what an idle bot weighs."""

import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.report import Figure, arguments, report
from bench.runner_start import runner_start_seconds
from bot.demo.stage import Stage
from handlers.host import processes

#: What the bot needs of others; importing these bare is the unavoidable part of a start.
LIBRARIES = (
    "zulip, requests, apscheduler.schedulers.background, cronsim, sqlalchemy, "
    "sqlalchemy.dialects.sqlite, pydantic, click, logging, zoneinfo"
)
IDLE_SECONDS = 10.0


def main() -> None:
    given = arguments()
    rounds = 15 if given.full else 5
    with tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Stage.set_up(folder) as stage:
            _connected_after(stage)  # makes the database, once
            bare, whole = [], []
            for number in range(rounds):
                bare.append(_import_seconds())
                whole.append(_connected_after(stage)[0])
                _progress(f"round {number + 1}: imports {bare[-1]:.2f} s, start {whole[-1]:.2f} s")
            idle = _connected_after(stage, IDLE_SECONDS)[1]
    runner = runner_start_seconds("backup now", {}, times=rounds * 2)
    over = statistics.median(whole) - statistics.median(bare)
    figures = {
        "over_imports_seconds": Figure(round(over, 3), "<= 0.5"),
        "idle_mb": Figure(round(idle, 1), "<= 80"),
        "runner_start_seconds": Figure(round(statistics.median(runner), 3), "<= 0.4"),
        "start_seconds": Figure(round(statistics.median(whole), 3), "told"),
    }
    report("start", figures)


def _import_seconds() -> float:
    started = time.monotonic()
    processes.run((sys.executable, "-c", f"import {LIBRARIES}"), timeout=timedelta(seconds=60))
    return time.monotonic() - started


def _connected_after(stage: Stage, idle_seconds: float = 0.0) -> tuple[float, float]:
    """Seconds until the bot has connected, and its memory (MB) after being idle."""
    stage.zulip.forget_calls()
    argv = (sys.executable, "-m", "bot", "run", "--config", str(stage.configuration))
    started = time.monotonic()
    with processes.start(argv) as bot:
        # Asking for the events is what a connected bot does.
        stage.zulip.wait_until(lambda: bool(stage.zulip.calls("POST", "/api/v1/register")))
        seconds = time.monotonic() - started
        time.sleep(idle_seconds)
        return seconds, _resident_mb(bot.pid)


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0.0


def _progress(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    main()
