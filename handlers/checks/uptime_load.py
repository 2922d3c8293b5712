"""How long is the host up, and how much is waiting for its processors?"""

import os
from pathlib import Path

from handlers.checks.contract import Check, Context, Finding, Level
from handlers.errors import HostFailure
from handlers.wording import duration

#: Waiting processes for each processor, averaged over five minutes.
_WARNING_PER_CORE = 2.0
_CRITICAL_PER_CORE = 4.0


def observe(context: Context) -> Finding:
    (uptime,) = _numbers(context.layout.proc("uptime"), 1)
    load_1, load_5, load_15 = _numbers(context.layout.proc("loadavg"), 3)
    cores = os.cpu_count() or 1
    level = Level.OK
    if load_5 >= _WARNING_PER_CORE * cores:
        level = Level.WARNING
    if load_5 >= _CRITICAL_PER_CORE * cores:
        level = Level.CRITICAL
    return Finding(
        level,
        f"Up {duration(uptime)}; load {load_1:g}, {load_5:g}, {load_15:g} on {_processors(cores)}.",
        {
            "uptime_seconds": uptime,
            "load_1": load_1,
            "load_5": load_5,
            "load_15": load_15,
            "cores": cores,
        },
        None if level is Level.OK else "Run `top` on the host to see what keeps it busy.",
    )


def _numbers(path: Path, count: int) -> list[float]:
    """The numbers that the file begins with."""
    words = path.read_text(encoding="utf-8").split()[:count]
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise HostFailure(f"{path} does not begin with {count} numbers.")
    return numbers


def _processors(cores: int) -> str:
    return "one processor" if cores == 1 else f"{cores} processors"


CHECK = Check("uptime_load", "The host is up and not overloaded", observe)
