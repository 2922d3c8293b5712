"""Measure every query that lists jobs, with a million jobs in the database."""

import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import Figure, arguments, report
from state import job_store, run_store
from state.columns import canonical_json, iso
from state.database import Database, Transaction, open_database
from state.models import jobs, runs

QUICK_JOBS, FULL_JOBS = 100_000, 1_000_000
#: The figure is the median of the rounds, so that what else the machine does counts little.
ROUNDS, CALLS = 5, 200
FIRST_DAY = datetime(2016, 1, 1, tzinfo=UTC)
OPERATIONS = {
    "backup now": 500,
    "logs": 250,
    "restart": 100,
    "restore plan": 90,
    "restore drill": 40,
    "upgrade": 19,
    "rollback": 1,
}
STATUSES = {
    "succeeded": 9000,
    "failed": 600,
    "cancelled": 200,
    "rejected": 100,
    "expired": 90,
    "stale": 8,
    "interrupted": 2,
}
#: Schedules (None), five who ask every day, and one who asked a few times in ten years.
ASKERS = {None: 60_000, 11: 12_000, 12: 12_000, 13: 8_000, 14: 5_000, 15: 2_900, 16: 1}
FAILURES = ("failed", "interrupted", "stale")
OPEN_STATUSES = ("planning", "awaiting_approval", "queued", "running")
PLAN = canonical_json(
    {
        "summary": "Take a copy of database, uploads and configuration.",
        "binding": {"operation": "backup now", "stores": ["local", "s3"], "effect": "routine"},
        "steps": ["Dump the database", "Pack the uploads", "Read everything back"],
        "way_back": "Nothing is changed, so there is nothing to take back.",
    }
)
OUTCOME = canonical_json(
    {"snapshot": "2026-11-23T02-00-00Z", "bytes": 1_234_567_890, "objects": 71}
)

Query = Callable[[Transaction], object]


def main() -> None:
    told = arguments()
    chance = random.Random(told.seed)
    count = FULL_JOBS if told.full else QUICK_JOBS
    with tempfile.TemporaryDirectory(prefix="zulip-ops-history-") as folder:
        path = Path(folder) / "zulip-ops.sqlite"
        open_database(path).close()
        _fill(path, count, chance)
        with closing(open_database(path)) as database:
            worst = max(_measure(database, dict(_queries(count, chance))).values())
    report("history", {"worst_p99_ms": Figure(round(worst, 2), "<= 10")})


def _queries(count: int, chance: random.Random) -> Iterator[tuple[str, Query]]:
    """Each call draws its own page, operation and person, so that nothing is answered by habit."""

    def lot(names: dict[str, int]) -> str:
        return chance.choice(list(names))

    def someone() -> int:
        return chance.choice([asker for asker in ASKERS if asker is not None])

    def before() -> int:
        return chance.randrange(1, count)

    page, durations = job_store.page, job_store.durations
    yield "newest page", page
    yield "older page", lambda tx: page(tx, before_id=before())
    yield "failed", lambda tx: page(tx, statuses=FAILURES)
    yield "failed, older", lambda tx: page(tx, statuses=FAILURES, before_id=before())
    yield "one status", lambda tx: page(tx, statuses=(lot(STATUSES),), before_id=before())
    yield "operation", lambda tx: page(tx, operation=lot(OPERATIONS))
    yield "operation, older", lambda tx: page(tx, operation=lot(OPERATIONS), before_id=before())
    yield (
        "operation failed",
        lambda tx: page(tx, operation=lot(OPERATIONS), statuses=FAILURES, before_id=before()),
    )
    yield "asker", lambda tx: page(tx, asker_id=someone())
    yield "asker, older", lambda tx: page(tx, asker_id=someone(), before_id=before())
    yield "asker failed", lambda tx: page(tx, asker_id=someone(), statuses=FAILURES)
    yield "asker and operation", lambda tx: page(tx, asker_id=someone(), operation=lot(OPERATIONS))
    yield (
        "asker, operation, failed",
        lambda tx: page(tx, asker_id=someone(), operation=lot(OPERATIONS), statuses=FAILURES),
    )
    yield "nobody's jobs", lambda tx: page(tx, asker_id=404)
    yield "one job", lambda tx: job_store.get(tx, before())
    yield "runs of a job", lambda tx: run_store.runs_of(tx, before())
    yield "open jobs", job_store.open_jobs
    yield "waiting jobs", lambda tx: job_store.in_status(tx, "queued", "running")
    yield "runs to recover", run_store.open_runs
    yield "durations", lambda tx: durations(tx, lot(OPERATIONS), 20)


def _measure(database: Database, queries: dict[str, Query]) -> dict[str, float]:
    """The p99 of each query in milliseconds; the rounds go through all queries in turn."""
    rounds = [
        {name: _times(database, query) for name, query in queries.items()} for _ in range(ROUNDS)
    ]
    found = {}
    for name in queries:
        middle = statistics.median(times[name][CALLS // 2] for times in rounds)
        found[name] = statistics.median(times[name][CALLS * 99 // 100] for times in rounds)
        print(f"{name:<26} p50 {middle:6.2f} ms  p99 {found[name]:6.2f} ms", file=sys.stderr)
    return found


def _times(database: Database, query: Query) -> list[float]:
    """Sorted milliseconds, from before the transaction begins until the rows are here."""
    taken = []
    for _ in range(CALLS):
        started = time.perf_counter()
        with database.read() as tx:
            query(tx)
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)


def _fill(path: Path, count: int, chance: random.Random) -> None:
    started = time.monotonic()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Only for building: what is measured is opened anew.
        connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-200000; BEGIN")
        for table, rows in ((jobs, _jobs(count, chance)), (runs, _runs(count))):
            places = ", ".join("?" * len(table.c))
            connection.executemany(f"INSERT INTO {table.name} VALUES ({places})", rows)
            print(
                f"{table.name}: {count} after {time.monotonic() - started:.0f} s", file=sys.stderr
            )
        connection.execute("COMMIT")
    size = path.stat().st_size / 2**20
    print(f"{size:.0f} MiB on disk", file=sys.stderr)


def _jobs(count: int, chance: random.Random) -> Iterator[tuple[object, ...]]:
    operations = chance.choices(list(OPERATIONS), list(OPERATIONS.values()), k=count)
    statuses = chance.choices(list(STATUSES), list(STATUSES.values()), k=count)
    askers = chance.choices(list(ASKERS), list(ASKERS.values()), k=count)
    for number, (operation, status, asker) in enumerate(
        zip(operations, statuses, askers, strict=True), start=1
    ):
        still_open = count - number < len(OPEN_STATUSES)
        at = FIRST_DAY + timedelta(minutes=5 * number)
        seconds = timedelta(seconds=chance.expovariate(1 / 300))
        values = {
            "id": number,
            "epoch": 1,
            "operation": operation,
            "arguments": json.dumps({"version": "10.4"}) if operation == "upgrade" else "{}",
            "command": operation,
            "effect": "routine",
            "status": OPEN_STATUSES[count - number] if still_open else status,
            "cancelling": 0,
            "origin": "schedule" if asker is None else "chat",
            "asker_id": asker,
            "asker_name": "nightly" if asker is None else f"Person {asker}",
            "command_message_id": None if asker is None else 3 * number,
            "consent": "schedule" if asker is None else "reaction",
            "nonce": f"{chance.getrandbits(128):032x}",
            "fingerprint": f"{chance.getrandbits(256):064x}",
            "plan": PLAN,
            "reason": None if status == "succeeded" else "tool_failed",
            "sentence": "The copy is complete and was read back.",
            "outcome": OUTCOME,
            "caught_up": 0,
            "anchor_message_id": 3 * number + 1,
            "created_at": iso(at),
            "queued_at": iso(at),
            "started_at": None if still_open else iso(at),
            "ended_at": None if still_open else iso(at + seconds),
        }
        yield tuple(values.get(column.name) for column in jobs.c)


def _runs(count: int) -> Iterator[tuple[object, ...]]:
    for number in range(1, count + 1):
        at = iso(FIRST_DAY + timedelta(minutes=5 * number))
        under_way = count - number < len(OPEN_STATUSES)
        status, ended_at = ("started", None) if under_way else ("ended", at)
        folder = f"/var/lib/zulip-ops/runs/{number}-1"
        yield number, 1, "run", status, folder, at, at, ended_at, OUTCOME, 4096


if __name__ == "__main__":
    main()
