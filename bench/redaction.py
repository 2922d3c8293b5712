"""Measure what redaction costs: of a hostile megabyte at worst, and of an ordinary log."""

import random
import string
import sys
import time
from collections.abc import Callable, Sequence

from bench.report import Figure, arguments, report
from handlers.host.redaction import Redactor
from tests.fakes.hostile import HOSTILE

MEGABYTE = 1_000_000
ROUNDS = 3
LINE = "2026-01-01 12:00:00 INFO pg_dump: dumping key (id)=5 of table zulip.message\n"


def main(argv: Sequence[str] | None = None) -> None:
    chosen = arguments(argv)
    lots = random.Random(chosen.seed)
    secrets = ["".join(lots.choices(string.ascii_letters + "-_", k=43)) for _ in range(15)]
    redactor = Redactor(secrets)
    units = (*HOSTILE, secrets[0][:-1] + "~")
    worst = max(_hostile(redactor, unit) for unit in units)
    log = LINE * ((20 if chosen.full else 2) * MEGABYTE // len(LINE))
    rate = len(log) / MEGABYTE / _best_seconds(lambda: redactor.redact(log))
    report(
        "redaction",
        {
            "worst_megabyte_seconds": Figure(round(worst, 3), "<= 0.2"),
            "log_megabytes_per_second": Figure(round(rate, 1), ">= 4"),
        },
    )


def _hostile(redactor: Redactor, unit: str) -> float:
    line = unit * (MEGABYTE // len(unit))
    seconds = _best_seconds(lambda: redactor.redact(line))
    print(f"{unit!r}: {seconds:.3f} s", file=sys.stderr)
    return seconds


def _best_seconds(work: Callable[[], object]) -> float:
    """Of the processor, the best of some rounds: other work on the machine is not measured."""
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


if __name__ == "__main__":
    main()
