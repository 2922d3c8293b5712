"""Print what a measurement found as one line of JSON, with the machine it was found on."""

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and what it should be, for example `Figure(41.2, "<= 60")`."""

    value: float | None
    goal: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """What every measurement is told on its command line."""

    #: For everything that is drawn by lot, so that a measurement can be repeated.
    seed: int
    #: The sizes that the goal speaks of; without it a smaller round that ends soon.
    full: bool


def arguments(argv: Sequence[str] | None = None) -> Arguments:
    """Read `--seed N` and `--full`."""
    parser = argparse.ArgumentParser(description="Measure, and print one line of JSON.")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="for what is drawn by lot")
    parser.add_argument("--full", action="store_true", help="measure at the full size")
    found = parser.parse_args(argv)
    return Arguments(seed=found.seed, full=found.full)


def machine() -> str:
    """What the figures depend on: cores, processor, memory, Python, kernel."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return ", ".join(
        (
            f"{len(os.sched_getaffinity(0))} cores",
            _processor(),
            f"{memory:.0f} GiB",
            f"Python {platform.python_version()}",
            f"Linux {platform.release()}",
        )
    )


def report(name: str, figures: Mapping[str, Figure]) -> None:
    """Print the one line that a measurement writes to standard output."""
    line = {
        "bench": name,
        "machine": machine(),
        "figures": {key: {"value": one.value, "goal": one.goal} for key, one in figures.items()},
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()
