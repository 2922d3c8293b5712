"""Runs inside the booted system: sets up its Zulip, tries everything, leaves the figures."""

import json
import sys
import time
from pathlib import Path

from bench.booted.checks import Checks, Figures
from bench.booted.server import zulip_server
from bench.booted.systemd import UNIT, shell
from bench.booted.talk import Talk
from bench.booted.tree import say
from handlers.errors import HostFailure


def main(result: Path) -> None:
    found: dict[str, float | None] = {}
    with zulip_server() as server:
        for check in Checks(Talk(server)).all():
            started = time.monotonic()
            say(f"== {check.__name__.replace('_', ' ')}")
            try:
                figures: Figures = check()
            except (AssertionError, TimeoutError, HostFailure, OSError, ValueError) as error:
                _tell_failure(error)
                continue
            found |= figures
            say(f"{json.dumps(figures)} after {time.monotonic() - started:.1f} s")
        result.write_text(json.dumps(found))
        shell(f"systemctl stop {UNIT}")


def _tell_failure(error: Exception) -> None:
    """With what the bot said last; then the unit is started for the next check."""
    say(f"FAILED: {type(error).__name__}: {error}")
    say(shell(f"journalctl --no-pager --lines=40 --unit={UNIT}").output)
    shell(f"systemctl reset-failed {UNIT}; systemctl restart {UNIT}")
    time.sleep(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
