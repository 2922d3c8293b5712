"""Prune random histories of good, bad and missing copies, and count what no prune may do."""

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.report import Figure, arguments, report
from bench.retention.history import play

QUICK, FULL = 40, 1_000
#: Of one history as many are told.
MOST_TOLD = 5


@dataclass(slots=True)
class Outcome:
    """What came of all histories."""

    histories: int = 0
    prunes: int = 0
    removed: int = 0
    violations: int = 0


def play_all(number: int, seed: int, folder: Path) -> Outcome:
    """So many histories, each in a store of its own."""
    outcome = Outcome()
    for which in range(number):
        root = folder / str(which)
        history = play(f"{seed}/{which}", root)
        outcome.histories += 1
        outcome.prunes += history.prunes
        outcome.removed += history.removed
        outcome.violations += len(history.found)
        for sentence in history.found[:MOST_TOLD]:
            sys.stderr.write(f"history {seed}/{which}: {sentence}\n")
        shutil.rmtree(root)
    return outcome


def main() -> None:
    given = arguments()
    began = time.monotonic()
    # In memory: this is about decisions; what a disk may forget is not measured here.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        outcome = play_all(FULL if given.full else QUICK, given.seed, Path(name))
    report(
        "backup_retention",
        {
            "violations": Figure(outcome.violations, "== 0"),
            "histories": Figure(outcome.histories, ">= 1000" if given.full else "told"),
            "prunes": Figure(outcome.prunes, "told"),
            "removed": Figure(outcome.removed, "> 0"),
            "seconds": Figure(round(time.monotonic() - began, 1), "told"),
        },
    )


if __name__ == "__main__":
    main()
