"""Flips one byte of a copy at a time, and counts those that `backup verify` does not notice."""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from bench.flips.play import KINDS, Tally, play
from bench.flips.verifiers import a_blind_one, the_program
from bench.flips.world import make_repositories
from bench.report import Figure, arguments, report
from bot.demo.postgres_cluster import PostgresCluster, available_majors

QUICK_TRIES, FULL_TRIES = 100, 1000
#: With the verifier that has to be noticed.
BLIND_TRIES = 50


def main(argv: Sequence[str] | None = None) -> None:
    chosen = arguments(argv)
    tries = FULL_TRIES if chosen.full else QUICK_TRIES
    with (
        tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as folder,
        PostgresCluster(available_majors()[16]) as cluster,
    ):
        repositories = make_repositories(Path(folder), cluster, "zulip")
        began = time.monotonic()
        tally = play(repositories, tries, Random(chosen.seed), the_program)
        seconds = time.monotonic() - began
        blind = play(repositories, BLIND_TRIES, Random(chosen.seed), a_blind_one)
    for wrong in (*tally.undetected, *tally.misnamed, *tally.false_alarms):
        sys.stderr.write(f"{wrong}\n")
    report("backup_flips", figures(tally, blind, seconds, full=chosen.full))


def figures(tally: Tally, blind: Tally, seconds: float, *, full: bool) -> dict[str, Figure]:
    """What is told; whole copies that are called damaged would make all of it worthless."""
    return {
        "undetected": Figure(len(tally.undetected), "== 0"),
        "tries": Figure(tally.total, f">= {FULL_TRIES}" if full else "told"),
        **{f"tries_{kind.replace(' ', '_')}": Figure(tally.tries[kind], "told") for kind in KINDS},
        "misnamed": Figure(len(tally.misnamed), "== 0"),
        "false_alarms": Figure(len(tally.false_alarms), "== 0"),
        "undetected_by_a_blind_verifier": Figure(len(blind.undetected), "> 0"),
        "seconds": Figure(round(seconds, 1), "told"),
    }


if __name__ == "__main__":
    main()
