"""Runs inside the booted system: sets up its Zulip, tries everything, leaves the figures."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.booted.checks import Checks, Figures
from bench.booted.reboot import figures_after_the_reboot, reboot_during_a_run, was_rebooted
from bench.booted.server import zulip_server
from bench.booted.systemd import UNIT, shell
from bench.booted.talk import Talk
from bench.booted.tree import say
from bench.booted.unit_checks import UnitChecks
from handlers.errors import OpsError


def main(result: Path) -> None:
    if was_rebooted():
        after = _figures_of(lambda: figures_after_the_reboot(result), "after the reboot")
        result.write_text(json.dumps(json.loads(result.read_text()) | after))
        return
    found: dict[str, float | None] = {}
    for check in UnitChecks.prepared().all():
        found |= _figures_of(check, check.__name__)
    with zulip_server() as server:
        talk = Talk(server)
        for check in Checks(talk).all():
            found |= _figures_of(check, check.__name__)
        result.write_text(json.dumps(found))
        reboot_during_a_run(talk)


def _figures_of(check: Callable[[], Figures], name: str) -> dict[str, float | None]:
    """None when it failed."""
    started = time.monotonic()
    say(f"== {name.replace('_', ' ')}")
    try:
        figures = check()
    except (AssertionError, TimeoutError, OpsError, OSError, ValueError) as error:
        _tell_failure(error)
        return {}
    say(f"{json.dumps(figures)} after {time.monotonic() - started:.1f} s")
    return dict(figures)


def _tell_failure(error: Exception) -> None:
    """With what the bot said last; then the unit is started for the next check."""
    say(f"FAILED: {type(error).__name__}: {error}")
    say(shell(f"journalctl --no-pager --lines=40 --unit={UNIT}").output)
    shell(f"systemctl reset-failed {UNIT}; systemctl restart {UNIT}")
    time.sleep(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
