"""Whether anything is lost or done twice when bot and runs are killed at every named place."""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.killing.cycles import Cycle, drawn
from bench.killing.judge import Findings
from bench.killing.killer import killer
from bench.report import Figure, arguments, report
from bot.demo.postgres_cluster import PostgresCluster, available_majors
from bot.demo.s3_server import S3Server
from jobs.runs.crashpoints import POINTS

SIDE_BY_SIDE = 2
MAJOR = 16


def main() -> None:
    given = arguments()
    cycles = drawn(1000 if given.full else 100, given.seed)
    started = time.monotonic()
    found = all_of(cycles)
    for sentence in found.wrong:
        sys.stderr.write(f"{sentence}\n")
    report(
        "kills",
        {
            "lost": Figure(found.lost, "== 0"),
            "double_effects": Figure(found.double_effects, "== 0"),
            "double_messages": Figure(found.double_messages, "== 0"),
            "wrong": Figure(len(found.wrong), "== 0"),
            "integrity_ok": Figure(int(found.integrity_ok), "== 1"),
            "cycles": Figure(found.cycles, "told"),
            "kills": Figure(found.kills, "told"),
            "points": Figure(len(found.points), f"== {len(POINTS)}"),
            "wall_seconds": Figure(round(time.monotonic() - started), "<= 3600"),
        },
    )


def all_of(cycles: list[Cycle]) -> Findings:
    """The cycles on a few stages at a time, each with the next one that is left."""
    found, left, lock = Findings(), iter(cycles), threading.Lock()

    def work(folder: Path, cluster: PostgresCluster, s3: S3Server) -> None:
        with killer(folder, cluster, s3) as one:
            while (cycle := _next(left, lock)) is not None:
                came_to = one.carry_out(cycle)
                with lock:
                    found.add(came_to)
                    _tell(found, cycle, came_to, len(cycles))

    with _shared() as (parent, cluster, s3), ThreadPoolExecutor(SIDE_BY_SIDE) as stages:
        folders = [parent / f"stage-{number}" for number in range(SIDE_BY_SIDE)]
        for folder in folders:
            folder.mkdir(mode=0o755)
        for done in [stages.submit(work, folder, cluster, s3) for folder in folders]:
            done.result()
    return found


def _next(left: Iterator[Cycle], lock: threading.Lock) -> Cycle | None:
    with lock:
        return next(left, None)


def _tell(found: Findings, cycle: Cycle, came_to: Findings, number: int) -> None:
    if came_to.wrong:
        sys.stderr.write("\n".join([*came_to.wrong, ""]))
    if found.cycles % 10 == 0:
        sys.stderr.write(f"{found.cycles} of {number}, the last one {cycle}\n")


@contextmanager
def _shared() -> Iterator[tuple[Path, PostgresCluster, S3Server]]:
    with (
        tempfile.TemporaryDirectory(prefix="zulip-ops-bench-") as name,
        PostgresCluster(available_majors()[MAJOR]) as cluster,
        S3Server() as s3,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        yield folder, cluster, s3


if __name__ == "__main__":
    main()
