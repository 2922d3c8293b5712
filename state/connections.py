"""Connections to the database file, all set up alike, and what is done outside of a transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 5
PRAGMAS: tuple[str, ...] = (
    f"busy_timeout={BUSY_SECONDS * 1000}",
    # NORMAL forgets acknowledged commits when the power goes.
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
)


def engine(path: Path, *, mode: str, begin: str) -> Engine:
    """A pool of connections whose transactions begin with those words."""
    reads = begin == "BEGIN"

    def connected() -> sqlite3.Connection:
        connection = connect(path, mode)
        connection.execute(f"PRAGMA query_only={'ON' if reads else 'OFF'}")
        return connection

    # There is one writer; readers come from a handful of threads.
    made = create_engine(
        "sqlite://", creator=connected, poolclass=QueuePool, pool_size=4 if reads else 1
    )

    @event.listens_for(made, "begin")
    def start_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return made


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """One connection of our own; `mode` is "ro" or "rw"."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        # With None the driver starts no transactions of its own: the begin hook does.
        isolation_level=None,
        check_same_thread=False,
    )
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def checkpoint(pool: Engine) -> bool:
    """Move all that was committed from the write-ahead log into the file, and empty the log.

    False when somebody read all the time. Raises what SQLite raises when the disk refuses.
    """
    is_busy = _ask(pool, "PRAGMA wal_checkpoint(TRUNCATE)")
    return is_busy == 0


def quick_check(pool: Engine) -> str | None:
    """What SQLite finds wrong with the pages of the file; None when all is well."""
    found = _ask(pool, "PRAGMA quick_check(1)")
    return None if found == "ok" else str(found)


def _ask(pool: Engine, pragma: str) -> object:
    """The first word of the answer; outside of a transaction, in which neither of them works."""
    with _raw(pool) as connection:
        found: tuple[object, ...] = connection.execute(pragma).fetchone()
    return found[0]


@contextmanager
def _raw(pool: Engine) -> Iterator[sqlite3.Connection]:
    with closing(pool.raw_connection()) as lent:
        connection = lent.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        yield connection
