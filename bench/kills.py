"""Whether anything is lost or done twice when bot and runs are killed at every named place."""

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bench.killing.cycles import Cycle, drawn
from bench.killing.findings import Findings
from bench.killing.killer import Killer, killer
from bench.report import Figure, arguments, report
from bot.demo.postgres_cluster import PostgresCluster, available_majors
from bot.demo.s3_server import S3Server
from jobs.runs.crashpoints import POINTS

SIDE_BY_SIDE = 2
ON_ONE_STAGE = 40
MAJOR = 16


def main() -> None:
    given = arguments()
    cycles = drawn(1000 if given.full else 100, given.seed)
    started = time.monotonic()
    found = all_of(cycles)
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
    work = _Work(cycles)
    with _shared() as (parent, cluster, s3), ThreadPoolExecutor(SIDE_BY_SIDE) as stages:
        begun = [stages.submit(work.do, parent, cluster, s3) for _ in range(SIDE_BY_SIDE)]
        for done in begun:
            done.result()
    return work.found


class _Work:
    """What is left to do, and what was found; used by several threads."""

    def __init__(self, cycles: list[Cycle]) -> None:
        self.found = Findings()
        self._number, self._left = len(cycles), list(reversed(cycles))
        self._stages = count(1)
        self._lock = threading.Lock()

    def do(self, parent: Path, cluster: PostgresCluster, s3: S3Server) -> None:
        """On one stage after another: an old one is full of messages, copies and runs."""
        while self._left:
            with self._lock:
                folder = parent / f"stage-{next(self._stages)}"
            folder.mkdir(mode=0o755)
            with killer(folder, cluster, s3) as one:
                self._do_some(one)
            shutil.rmtree(folder)

    def _do_some(self, one: Killer) -> None:
        for _ in range(ON_ONE_STAGE):
            with self._lock:
                cycle = self._left.pop() if self._left else None
            if cycle is None:
                return
            came_to = one.carry_out(cycle)
            with self._lock:
                self.found.add(came_to)
                self._tell(cycle, came_to)

    def _tell(self, cycle: Cycle, came_to: Findings) -> None:
        if came_to.wrong:
            sys.stderr.write("\n".join([*came_to.wrong, ""]))
        if self.found.cycles % 10 == 0:
            sys.stderr.write(f"{self.found.cycles} of {self._number}, the last one {cycle}\n")


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
