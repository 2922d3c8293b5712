"""Random stories of consent against a plain judge: nothing may start without it."""

import random
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.consent.play import Play
from bench.report import Figure, arguments, report
from state.database import open_database

QUICK_RUNS, FULL_RUNS = 300, 10_000
#: So many stories share a database; then a new one, so that it stays small.
STORIES_A_DATABASE = 100


@dataclass(slots=True)
class Outcome:
    """What came of all stories."""

    runs: int = 0
    starts: int = 0
    illegal: int = 0


def play(runs: int, seed: int, directory: Path) -> Outcome:
    """So many stories of fifty steps each; the first illegal starts are told."""
    outcome = Outcome()
    while outcome.runs < runs:
        file = directory / f"consent-{outcome.runs}.db"
        with closing(open_database(file)) as database:
            for _ in range(min(STORIES_A_DATABASE, runs - outcome.runs)):
                lot = random.Random(f"{seed}/{outcome.runs}")
                story = Play(database, lot, next_message=1000 * (outcome.runs + 1))
                story.run()
                outcome.runs += 1
                outcome.starts += story.starts
                outcome.illegal += len(story.illegal)
                for wrong in story.illegal:
                    sys.stderr.write(f"story {seed}/{outcome.runs - 1}: {wrong}\n")
        for rest in directory.glob(f"{file.name}*"):
            rest.unlink()
    return outcome


def main() -> None:
    given = arguments()
    began = time.monotonic()
    # In memory: this is about decisions; what a disk may forget is measured by power_loss.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        outcome = play(FULL_RUNS if given.full else QUICK_RUNS, given.seed, Path(name))
    report(
        "approvals",
        {
            "runs": Figure(outcome.runs, ">= 10000" if given.full else "told"),
            "illegal_starts": Figure(outcome.illegal, "== 0"),
            "starts": Figure(outcome.starts, "told"),
            "seconds": Figure(round(time.monotonic() - began, 1), "told"),
        },
    )


if __name__ == "__main__":
    main()
