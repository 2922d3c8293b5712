"""Measure a complete drill against a bare pg_restore of the same dump, one after the other.

The bare way is what an administrator would type with the dump already there as a file: createdb and
`pg_restore --jobs=2`, and nothing is looked at afterwards. The drill begins with the store.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from bench.backup import say
from bench.report import Arguments, Figure, arguments, report
from bot.demo.postgres_cluster import ROLE, PostgresCluster, available_majors
from bot.demo.sample_host.host import Extent, SampleHost
from handlers.backups.drills.findings import Phase
from handlers.contract import JSON
from handlers.host import processes
from handlers.host.settings import StoreSettings
from jobs.clock import SystemClock
from jobs.journal import RUN, Asker, ResultStatus, RunSpec
from jobs.runs.run_folder import RunFolder

#: About 85 MB and 0.85 GB of database.
SMALL, FULL = Extent(messages=100_000, uploads=1_000), Extent(messages=1_000_000, uploads=10_000)
ROUNDS = 3
LIMIT = timedelta(hours=1)
MAJOR = 16


def main() -> None:
    """Interleaved, so that a busy machine harms both alike."""
    chosen = arguments()
    directory = Path(tempfile.mkdtemp(prefix="zulip-ops-bench-"))
    try:
        with PostgresCluster(available_majors()[MAJOR]) as cluster:
            host = make_host(chosen, directory, cluster)
            store = StoreSettings(name="disk", path=directory / "copies")
            run(directory, host, store, "backup now", {})
            figures(measure(directory, host, store, cluster), cluster)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def make_host(chosen: Arguments, directory: Path, cluster: PostgresCluster) -> SampleHost:
    extent = FULL if chosen.full else SMALL
    say(f"Making {extent.messages:,} messages and {extent.uploads:,} uploads.")
    return SampleHost.create(
        directory / "host",
        database=(cluster, "zulip"),
        extent=Extent(extent.messages, extent.uploads, seed=chosen.seed),
    )


def measure(
    directory: Path, host: SampleHost, store: StoreSettings, cluster: PostgresCluster
) -> dict[str, list[float]]:
    """Seconds of each way, and of each phase of the complete drill."""
    dump = directory / "dump"
    where = (f"--host={cluster.socket}", f"--username={ROLE}")
    argv = (str(cluster.programs / "pg_dump"), "--format=custom", "--compress=0", *where)
    processes.run((*argv, f"--file={dump}", "--dbname=zulip"), timeout=LIMIT)
    found: dict[str, list[float]] = defaultdict(list)

    def complete() -> float:
        seconds, facts = run(directory, host, store, "drill", {"complete": True})
        keep_phases(found, facts)
        return seconds

    ways: Mapping[str, Callable[[], float]] = {
        "bare": lambda: bare(cluster, dump),
        "complete": complete,
        "quick": lambda: run(directory, host, store, "drill", {})[0],
    }
    names = list(ways)
    for number in range(ROUNDS):
        # Each comes first once: what one leaves to be written out slows down the next.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            os.sync()
            found[name].append(ways[name]())
        said = ", ".join(f"{name} {took[-1]:.2f} s" for name, took in found.items())
        say(f"  {number + 1}/{ROUNDS}: {said}")
    return found


def bare(cluster: PostgresCluster, dump: Path) -> float:
    """Into an empty database of a cluster that runs already."""
    cluster.create_database("bare")
    where = (f"--host={cluster.socket}", f"--username={ROLE}", "--dbname=bare")
    argv = (str(cluster.programs / "pg_restore"), "--exit-on-error", "--jobs=2", *where)
    started = time.monotonic()
    processes.run((*argv, str(dump)), timeout=LIMIT)
    seconds = time.monotonic() - started
    cluster.drop_database("bare")
    return seconds


def run(
    directory: Path,
    host: SampleHost,
    store: StoreSettings,
    operation: str,
    given: Mapping[str, JSON],
) -> tuple[float, Mapping[str, JSON]]:
    """The real runner in a process of its own, from its spawn to its end; its facts."""
    folder = RunFolder(directory / "runs" / "1-1")
    shutil.rmtree(folder.path.parent, ignore_errors=True)
    folder.path.parent.mkdir()
    folder.make(
        RunSpec(
            job=1,
            attempt=1,
            mode=RUN,
            operation=operation,
            arguments=given,
            asker=Asker("root", None, "root"),
            host=host.settings(),
            stores=(store,),
            created_at=SystemClock().now(),
            nonce="bench",
        )
    )
    started = time.monotonic()
    processes.run((sys.executable, "-I", "-m", "jobs.runner", str(folder.path)), timeout=LIMIT)
    seconds = time.monotonic() - started
    result = folder.read_result()
    assert result is not None
    assert result.status is ResultStatus.SUCCEEDED, result.sentence
    return seconds, result.facts


def keep_phases(found: dict[str, list[float]], facts: Mapping[str, JSON]) -> None:
    shown = facts["shown"]
    assert isinstance(shown, dict), json.dumps(facts)
    seconds = shown["seconds"]
    assert isinstance(seconds, dict)
    for phase in Phase:
        took = seconds.get(phase.value, 0.0)
        assert isinstance(took, int | float)
        found[phase.value].append(float(took))


def figures(found: Mapping[str, list[float]], cluster: PostgresCluster) -> None:
    """Ratios of medians."""
    median = {name: statistics.median(seconds) for name, seconds in found.items()}
    report(
        "backup_drill",
        {
            "time_ratio": Figure(round(median["complete"] / median["bare"], 3), "<= 2"),
            "time_ratio_quick": Figure(round(median["quick"] / median["bare"], 3), "none"),
            "pg_restore_seconds": Figure(round(median["bare"], 2), "none"),
            "complete_seconds": Figure(round(median["complete"], 2), "none"),
            "quick_seconds": Figure(round(median["quick"], 2), "none"),
            **{
                f"{phase.value}_seconds": Figure(round(median[phase.value], 2), "none")
                for phase in Phase
            },
            "amcheck": Figure(float(_has_amcheck(cluster)), "none"),
        },
    )


def _has_amcheck(cluster: PostgresCluster) -> bool:
    """Whether what was measured includes it: not every PostgreSQL at hand brings it."""
    query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'"
    return cluster.sql(query, database="postgres") == "1"


if __name__ == "__main__":
    main()
