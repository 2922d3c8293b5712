"""Measure many small uploads to S3 against one object per file, and a scan that finds no change.

By hand means boto3 with 16 threads and nothing else: no index, no check, nothing read back.
Ours is the real runner with `backup now --only uploads`, which reads everything back.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench.backup import by_runner, say
from bench.report import Figure, arguments, report
from bot.demo.s3_server import S3Server
from bot.demo.sample_host.host import Extent, SampleHost
from handlers.backups import uploads
from handlers.backups.fan_out import FanOut
from handlers.backups.repository import INDEX, UPLOADS
from handlers.backups.streams import ObjectWriter
from handlers.backups.uploads import Indexed, Streams
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings

SMALL, FULL = 2_000, 50_000
ROUNDS = 3
THREADS = 16


def main() -> None:
    """Interleave both in one run, so that a busy machine harms both alike."""
    chosen = arguments()
    files = FULL if chosen.full else SMALL
    directory = Path(tempfile.mkdtemp(prefix="zulip-ops-bench-"))
    try:
        say(f"Making {files:,} uploads.")
        extent = Extent(0, files, seed=chosen.seed)
        host = SampleHost.create(directory / "host", extent=extent)
        with S3Server() as s3:
            seconds, memory = to_s3(host, s3, directory)
        rescans = [rescan(host, directory / f"scan-{number}") for number in range(ROUNDS)]
        figures(seconds, memory, rescans)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def to_s3(host: SampleHost, s3: S3Server, directory: Path) -> tuple[dict[str, list[float]], float]:
    """Seconds and CPU seconds of each way in each round; the largest memory of our runner in MB."""
    found: dict[str, list[float]] = defaultdict(list)
    memory = 0.0

    def ours(name: str, store: StoreSettings) -> None:
        nonlocal memory
        run = by_runner(host, directory / f"{name}-{store.prefix}", store, {"only": "uploads"})
        memory = max(memory, run.memory)

    for number in range(ROUNDS):
        store = s3.store_settings("bucket", prefix=f"round-{number}")
        ways: Mapping[str, Callable[[], None]] = {
            "per_file": partial(one_object_per_file, host, s3, f"per-file-{number}"),
            "ours": partial(ours, "ours", store),
            "no_change": partial(ours, "no_change", store),
        }
        for name, way in ways.items():
            started, before = time.monotonic(), _cpu_seconds()
            way()
            found[name].append(time.monotonic() - started)
            found[f"{name}_cpu"].append(_cpu_seconds() - before)
            say(f"  {number + 1}/{ROUNDS} {name}: {found[name][-1]:.1f} s")
    return found, memory


def _cpu_seconds() -> float:
    """Of this process and of all that it started and that have ended; not of the S3 server."""
    return sum(os.times()[:4])


def one_object_per_file(host: SampleHost, s3: S3Server, prefix: str) -> None:
    """Every file with a PUT of its own, from as many threads as rclone would use."""
    client = _client(s3.store_settings("bucket", prefix=""))
    root = host.layout.uploads

    def put(found: uploads.Found) -> None:
        with (root / found.path).open("rb") as file:
            client.put_object(Bucket=s3.bucket, Key=f"{prefix}/{found.path}", Body=file)

    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(put, uploads.scan(root)):
            pass


def _client(settings: StoreSettings) -> Any:
    assert settings.credentials_file is not None
    key, secret = settings.credentials_file.read_text(encoding="utf-8").split()
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(
            max_pool_connections=THREADS,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
        ),
    )


def rescan(host: SampleHost, directory: Path) -> float:
    """Microseconds a file of a scan that finds everything as the index has it, index included."""
    store = StoreSettings(name="disk", path=directory)
    root, snapshot = host.layout.uploads, "20261125T120000Z-00000000"
    base = [
        Indexed(each.path, each.size, each.mtime_ns, snapshot, "0" * 64)
        for each in uploads.scan(root)
    ]
    lines = b"".join(uploads.encode_line(each) for each in base)
    with FanOut([open_store(store)]) as fan_out:
        to = [
            ObjectWriter(snapshot, name, fan_out, fan_out.destinations) for name in (UPLOADS, INDEX)
        ]
        started = time.monotonic()
        tally = uploads.copy(root, snapshot, uploads.read_index((lines,)), Streams(*to))
        for writer in to:
            writer.close("")
        fan_out.drain()
        seconds = time.monotonic() - started
    assert (tally.files, tally.new_files) == (len(base), 0)
    say(f"  no-change scan of {tally.files:,} files: {seconds:.2f} s")
    return seconds * 1e6 / tally.files


def figures(seconds: dict[str, list[float]], memory: float, rescans: list[float]) -> None:
    """Ratios of medians."""
    per_file, ours, again = (
        statistics.median(seconds[name]) for name in ("per_file", "ours", "no_change")
    )
    report(
        "backup_uploads",
        {
            "speedup_over_per_file": Figure(round(per_file / ours, 2), ">= 6"),
            "rescan_us_per_file": Figure(round(statistics.median(rescans), 1), "<= 100"),
            "per_file_seconds": Figure(round(per_file, 2), "none"),
            "ours_seconds": Figure(round(ours, 2), "none"),
            "no_change_seconds": Figure(round(again, 2), "none"),
            "per_file_cpu_seconds": Figure(_median(seconds["per_file_cpu"]), "none"),
            "ours_cpu_seconds": Figure(_median(seconds["ours_cpu"]), "none"),
            "runner_mb": Figure(round(memory, 1), "<= 200"),
        },
    )


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


if __name__ == "__main__":
    main()
