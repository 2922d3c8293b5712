"""Measure a backup to a directory against the same dump, tar and zstd typed by hand."""

import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bench.report import Figure, arguments, report
from bot.demo.postgres_cluster import PostgresCluster, available_majors
from bot.demo.sample_host.host import Extent, SampleHost
from handlers.backups import take_backup
from handlers.contract import JSON, Context
from handlers.host import processes
from handlers.host.settings import DatabaseSettings, HostSettings, StoreSettings
from jobs.clock import SystemClock

SMALL = Extent(messages=120_000, uploads=2_000)
FULL = Extent(messages=1_200_000, uploads=20_000)
ROUNDS = 5
LIMIT = timedelta(minutes=20)

DUMP = '"$1/pg_dump" -Fc -Z0 -h "$2" -U zulip -d "$3" | zstd -q -3 -T2 >"$5/database.zst"'
TARS = (
    'tar -c -C "$4/home/zulip" uploads | zstd -q -3 -T2 >"$5/uploads.zst"',
    'tar -c -C "$4" etc/zulip | zstd -q -3 -T2 >"$5/configuration.zst"',
)
CHECKS = (
    'sha256sum "$5"/*.zst >"$5/sums" && sha256sum --quiet -c "$5/sums"',
    'zstd -dc "$5/database.zst" | "$1/pg_restore" -Fc -f /dev/null',
    'zstd -dc "$5/uploads.zst" | tar -t >/dev/null',
    'zstd -dc "$5/configuration.zst" | tar -t >/dev/null',
)


class SilentJournal:
    """Writes the steps to standard error, with their durations."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        say(f"      {time.monotonic() - started:6.2f} s  {title}")

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        pass

    def fact(self, name: str, value: JSON) -> None:
        pass

    def output(self, text: str) -> None:
        pass


def main() -> None:
    """Interleave both in one run, so that a busy machine harms both alike."""
    if sys.argv[1:2] == ["--child"]:
        take_one(json.loads(sys.argv[2]))
        return
    chosen = arguments()
    extent = FULL if chosen.full else SMALL
    directory = Path(tempfile.mkdtemp(prefix="zulip-ops-bench-"))
    try:
        with PostgresCluster(available_majors()[16]) as cluster:
            say(f"Making {extent.messages:,} messages and {extent.uploads:,} uploads.")
            host = SampleHost.create(
                directory / "host",
                database=(cluster, "zulip"),
                extent=Extent(extent.messages, extent.uploads, seed=chosen.seed),
            )
            cluster.sql("VACUUM; CHECKPOINT", database="zulip")
            figures(measure(host, cluster, directory / "copies"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measure(host: SampleHost, cluster: PostgresCluster, target: Path) -> dict[str, list[float]]:
    """Seconds of each way in each round, and the largest memory of the runner."""
    place = (str(cluster.programs), str(cluster.socket), "zulip", str(host.root), str(target))
    ways: Mapping[str, Callable[[], float]] = {
        "by_hand": lambda: by_hand(place, (DUMP, *TARS)),
        "ours": lambda: ours(host, target),
        "by_hand_verified": lambda: by_hand(place, (DUMP, *TARS, *CHECKS)),
    }
    found: dict[str, list[float]] = {name: [] for name in (*ways, "copying", "memory")}
    for number in range(ROUNDS):
        for name, way in ways.items():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            os.sync()
            seconds = way()
            found[name].append(seconds)
            say(f"  {number + 1}/{ROUNDS} {name}: {seconds:.2f} s")
        shutil.rmtree(target, ignore_errors=True)
    return found


def by_hand(place: tuple[str, ...], commands: tuple[str, ...]) -> float:
    """What an administrator would type, one after the other."""
    started = time.monotonic()
    for command in commands:
        argv = ("/bin/bash", "-o", "pipefail", "-c", command, "bash", *place)
        processes.run(argv, timeout=LIMIT)
    return time.monotonic() - started


def ours(host: SampleHost, target: Path) -> float:
    """A process of its own that makes the plan and carries it out, from its spawn to its end."""
    database = host.settings().database
    spec = {
        "root": str(host.root),
        "host": database.host,
        "programs": str(database.programs),
        "target": str(target / "store"),
    }
    started = time.monotonic()
    done = processes.run(
        (sys.executable, "-m", "bench.backup", "--child", json.dumps(spec)),
        timeout=LIMIT,
        directory=Path(__file__).parents[1],
        output=lambda text: print(text, end="", file=sys.stderr),
    )
    seconds = time.monotonic() - started
    FOUND.append(json.loads(done.output))
    return seconds


#: What the runs of our own said about themselves.
FOUND: list[dict[str, float]] = []


def take_one(spec: Mapping[str, str]) -> None:
    """In the process of its own: one backup; prints what it took."""
    database = DatabaseSettings(
        host=spec["host"], system_user=None, programs=Path(spec["programs"])
    )
    context = Context(
        job=1,
        attempt=1,
        host=HostSettings(root=Path(spec["root"]), database=database),
        stores=(StoreSettings(name="disk", path=Path(spec["target"])),),
        journal=SilentJournal(),
        clock=SystemClock(),
    )
    args = take_backup.Args()
    plan = take_backup.plan(context, args)
    started = time.monotonic()
    outcome = take_backup.run(context, args, plan)
    say(f"      {outcome.sentence}")
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    copying = next(iter(json.loads(_record(spec).read_text())["seconds"].values()))
    print(json.dumps({"memory": largest, "run": time.monotonic() - started, "copying": copying}))


def figures(found: Mapping[str, list[float]]) -> None:
    """Ratios of medians."""
    hand, verified = (statistics.median(found[name]) for name in ("by_hand", "by_hand_verified"))
    ours_ = statistics.median(found["ours"])
    copying = statistics.median(each["copying"] for each in FOUND)
    report(
        "backup",
        {
            "time_ratio": Figure(round(ours_ / hand, 3), "<= 1.15"),
            "runner_mb": Figure(round(max(each["memory"] for each in FOUND), 1), "<= 200"),
            "time_ratio_without_verification": Figure(round(copying / hand, 3), "none"),
            "time_ratio_to_verified_by_hand": Figure(round(ours_ / verified, 3), "none"),
            "by_hand_seconds": Figure(round(hand, 2), "none"),
            "ours_seconds": Figure(round(ours_, 2), "none"),
        },
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _record(spec: Mapping[str, str]) -> Path:
    return next((Path(spec["target"]) / "snapshots").iterdir())


if __name__ == "__main__":
    main()
