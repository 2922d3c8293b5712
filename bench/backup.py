"""Measure a backup to a directory, open and sealed, against dump, tar and zstd typed by hand.

The CPU seconds of both sides, PostgreSQL's own included, tell more than time on a busy machine.
"""

import json
import os
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bench.report import Figure, arguments, report
from bot.demo.postgres_cluster import PostgresCluster, available_majors
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent, SampleHost
from handlers.backups.take_backup import STEPS
from handlers.contract import Facts
from handlers.host import processes
from handlers.host.age import Identity
from handlers.host.settings import KeySettings, StoreSettings
from jobs.clock import SystemClock
from jobs.journal import RUN, Asker, RunSpec
from jobs.runs.run_folder import RunFolder

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


def main() -> None:
    """Interleave both in one run, so that a busy machine harms both alike."""
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
            found = measure(host, cluster, directory / "copies")
            say("Two more to a bucket, open and sealed, for their memory alone.")
            with S3Server() as s3:
                for name, keys in (("runner_mb_s3", KeySettings()), ("runner_mb_s3_sealed", KEYS)):
                    bucket = s3.store_settings("bucket", prefix=name)
                    found[name] = [run(host, directory / name, bucket, keys).memory]
            figures(found)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measure(host: SampleHost, cluster: PostgresCluster, target: Path) -> dict[str, list[float]]:
    """Seconds of each way in each round, and the largest memory of the runner."""
    place = (str(cluster.programs), str(cluster.socket), "zulip", str(host.root), str(target))
    ways: Mapping[str, Callable[[], float]] = {
        "by_hand": lambda: by_hand(place, (DUMP, *TARS)),
        "ours": lambda: ours(host, target),
        "ours_sealed": lambda: ours(host, target, KEYS),
        "by_hand_verified": lambda: by_hand(place, (DUMP, *TARS, *CHECKS)),
    }
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        for name, way in ways.items():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            os.sync()
            before = _cpu_seconds(cluster)
            seconds = way()
            cpu = _cpu_seconds(cluster) - before
            found[name].append(seconds)
            found[f"{name}_cpu"].append(cpu)
            say(f"  {number + 1}/{ROUNDS} {name}: {seconds:.2f} s, CPU {cpu:.2f} s")
        shutil.rmtree(target, ignore_errors=True)
    return found


def _cpu_seconds(cluster: PostgresCluster) -> float:
    """User and system: of every program that was started and has ended, and of PostgreSQL."""
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    postmaster = (cluster.data / "postmaster.pid").read_text().split()[0]
    # utime, stime and those of the backends that have ended: fields 14 to 17 of proc(5).
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()[11:15]
    ticks = sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")
    return started.ru_utime + started.ru_stime + ticks


def by_hand(place: tuple[str, ...], commands: tuple[str, ...]) -> float:
    """What an administrator would type, one after the other."""
    started = time.monotonic()
    for command in commands:
        argv = ("/bin/bash", "-o", "pipefail", "-c", command, "bash", *place)
        processes.run(argv, timeout=LIMIT)
    return time.monotonic() - started


@dataclass(frozen=True, slots=True)
class Run:
    """One run of ours: seconds, MB, and the seconds until the commit record was written."""

    seconds: float
    memory: float
    copying: float


#: Our runs to the directory, open and sealed.
FOUND: list[Run] = []
SEALED: list[Run] = []
#: Whose secret is nowhere: the run reads its copy back with its own key.
KEYS = KeySettings(recovery=(Identity.generate().recipient,))


def ours(host: SampleHost, target: Path, keys: KeySettings = KeySettings()) -> float:
    """Seconds of a backup to a directory."""
    store = StoreSettings(name="disk", path=target / "store")
    runs = SEALED if keys.recovery else FOUND
    runs.append(run(host, target / "runs", store, keys))
    return runs[-1].seconds


def run(host: SampleHost, runs: Path, store: StoreSettings, keys: KeySettings) -> Run:
    """A whole backup."""
    return by_runner(host, runs, store, {}, keys)


def by_runner(
    host: SampleHost,
    runs: Path,
    store: StoreSettings,
    arguments: Facts,
    keys: KeySettings = KeySettings(),
) -> Run:
    """The real runner in a process of its own, from its spawn to its end."""
    folder = RunFolder(runs / "1-1")
    runs.mkdir()
    folder.make(replace(_spec(host, store, keys), arguments=arguments))
    argv = (sys.executable, "-I", "-m", "jobs.runner", str(folder.path))
    started = time.monotonic()
    with processes.start(argv) as runner:
        memory = _largest_memory(runner.pid)
        runner.check(LIMIT)
    seconds = time.monotonic() - started
    result = folder.read_result()
    assert result is not None
    say(f"      {result.sentence}")
    return Run(seconds, memory, _seconds_until_committed(folder))


def _spec(host: SampleHost, store: StoreSettings, keys: KeySettings) -> RunSpec:
    return RunSpec(
        job=1,
        attempt=1,
        mode=RUN,
        operation="backup now",
        arguments={},
        asker=Asker("root", None, "root"),
        host=host.settings(),
        stores=(store,),
        created_at=SystemClock().now(),
        nonce="bench",
        keys=keys,
    )


def _largest_memory(pid: int) -> float:
    """Of one process until it ends, in MB: the kernel keeps the largest value itself."""
    largest = 0.0
    status = Path(f"/proc/{pid}/status")
    while True:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found is None:  # it has ended
            return largest
        largest = int(found.group(1)) * 1024 / 1e6
        time.sleep(0.02)


def _seconds_until_committed(folder: RunFolder) -> float:
    """Of the steps up to the commit record, from the run's own journal."""
    records = [json.loads(line) for line in folder.journal_file.read_text().splitlines()]
    steps = [record for record in records if record["kind"] == "step_done"]
    for step in steps:
        say(f"      {step['seconds']:6.2f} s  {step['title']}")
    return float(sum(step["seconds"] for step in steps if step["title"] in STEPS))


def figures(found: Mapping[str, list[float]]) -> None:
    """Ratios of medians."""
    hand, verified = (statistics.median(found[name]) for name in ("by_hand", "by_hand_verified"))
    ours_ = statistics.median(found["ours"])
    report(
        "backup",
        {
            "time_ratio": Figure(round(ours_ / hand, 3), "<= 1.15"),
            "runner_mb": Figure(round(max(each.memory for each in FOUND), 1), "<= 200"),
            "runner_mb_s3": Figure(round(max(found["runner_mb_s3"]), 1), "none"),
            "runner_mb_sealed": Figure(round(max(each.memory for each in SEALED), 1), "<= 200"),
            "runner_mb_s3_sealed": Figure(round(max(found["runner_mb_s3_sealed"]), 1), "none"),
            "sealed_over_open": Figure(round(_median(found["ours_sealed"]) / ours_, 3), "none"),
            "seconds_until_committed": Figure(_median([each.copying for each in FOUND]), "none"),
            "time_ratio_to_verified_by_hand": Figure(round(ours_ / verified, 3), "none"),
            "by_hand_seconds": Figure(round(hand, 2), "none"),
            "ours_seconds": Figure(round(ours_, 2), "none"),
            "by_hand_cpu_seconds": Figure(_median(found["by_hand_cpu"]), "none"),
            "ours_cpu_seconds": Figure(_median(found["ours_cpu"]), "none"),
            "ours_sealed_cpu_seconds": Figure(_median(found["ours_sealed_cpu"]), "none"),
        },
    )


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
