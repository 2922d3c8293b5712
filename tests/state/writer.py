"""A process that writes, `python -m tests.state.writer PATH MODE`; what it prints is durable."""

import sys
from pathlib import Path

from state import audit_log, installation
from state.database import Database, DatabaseUnusable, open_database
from tests.state.sample_rows import NOW, make_job


def count_up(database: Database, times: int) -> None:
    """Read, add one, write: lost updates would show."""
    for _ in range(times):
        with database.write() as tx:
            seen = int(installation.get(tx, "counter") or "0")
            installation.put(tx, "counter", str(seen + 1))
            audit_log.append(tx, NOW, "bot", "counted", {"seen": seen})


def make_jobs_for_ever(database: Database) -> None:
    while True:
        with database.write() as tx:
            job = make_job(tx)
        sys.stdout.write(f"{job.id}\n")
        sys.stdout.flush()


def persevere(database: Database, times: int) -> None:
    """Whatever the disk does, the next one is tried; each failure is told with its kind."""
    for _ in range(times):
        try:
            with database.write() as tx:
                job = make_job(tx)
        except DatabaseUnusable as error:
            sys.stdout.write(f"{type(error).__name__}: {error.message}\n")
        else:
            sys.stdout.write(f"{job.id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    opened = open_database(Path(sys.argv[1]))
    sys.stdout.write("open\n")
    sys.stdout.flush()
    if sys.argv[2] == "count":
        count_up(opened, int(sys.argv[3]))
    elif sys.argv[2] == "jobs":
        make_jobs_for_ever(opened)
    elif sys.argv[2] == "persevere":
        persevere(opened, int(sys.argv[3]))
        opened.close()
