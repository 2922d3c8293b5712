"""The database: PostgreSQL's own dump, streamed from one snapshot that the facts share."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from handlers.host import postgres, processes
from handlers.host.postgres import Connection
from handlers.host.settings import DatabaseSettings

READ_BYTES = 1024 * 1024
#: A pipe of 1 MiB is filled in about 3 ms at the speed of a dump.
PAUSE_SECONDS = 0.002
GATHERED_BYTES = 512 * 1024
FORMAT = "pg_dump custom format"
#: A schema change that holds its lock for longer than this fails the dump, with its reason.
LOCK_WAIT = timedelta(minutes=10)
#: After the last byte a dump has nothing left to do.
EXIT_LIMIT = timedelta(minutes=1)
ENVIRONMENT = {"PGPASSFILE": postgres.NO_PASSWORD_FILE}


def dump_argv(settings: DatabaseSettings, programs: Path, snapshot: str) -> tuple[str, ...]:
    """Uncompressed: zstd does that better and in several threads."""
    return (
        str(programs / "pg_dump"),
        "--format=custom",
        "--compress=0",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={round(LOCK_WAIT.total_seconds() * 1000)}",
        *postgres.client_arguments(settings),
    )


def read_argv(programs: Path) -> tuple[str, ...]:
    """Reads a dump from its standard input to its end, as a restore would, and keeps nothing."""
    return (str(programs / "pg_restore"), "--format=custom", "--file=/dev/null")


def exported_snapshot(connection: Connection) -> str:
    """Begin a transaction whose view of the database others may share while it is open."""
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 0")
        # What the database names is sorted there, which may take longer than a short question.
        cursor.execute(f"SET statement_timeout = {round(LOCK_WAIT.total_seconds() * 1000)}")
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return str(postgres.value(connection, "SELECT pg_export_snapshot()"))


def start_dump(settings: DatabaseSettings, argv: tuple[str, ...]) -> processes.Process:
    """As the account that owns the database."""
    return processes.start(argv, user=account(settings), environment=ENVIRONMENT)


def start_reading(settings: DatabaseSettings, programs: Path) -> processes.Process:
    """pg_restore, never as root where there is an account for it: a dump is code."""
    return processes.start(
        read_argv(programs), user=account(settings), environment=ENVIRONMENT, stdin=True
    )


def output_of(process: processes.Process) -> Iterator[bytes]:
    """What the dump writes; HostFailure unless it ends well."""
    descriptor = process.stdout.fileno()
    while chunk := os.read(descriptor, READ_BYTES):
        yield chunk
        # pg_dump writes 4 kB at a time. Who comes back at once is woken for each of them, and so
        # is pg_dump; the pipe holds what it writes meanwhile.
        if len(chunk) < GATHERED_BYTES:
            time.sleep(PAUSE_SECONDS)
    process.check(EXIT_LIMIT)


def feed(process: processes.Process, plain: Iterator[bytes], limit: timedelta) -> None:
    """Let a program read all of it; HostFailure where it finds that wanting."""
    assert process.stdin is not None
    descriptor = process.stdin.fileno()
    os.set_blocking(descriptor, False)
    try:
        for chunk in plain:
            _write_all(descriptor, chunk)
        process.stdin.close()
    except BrokenPipeError:
        # It ended before the last byte: the exit code tells whether it was content.
        for _ in plain:
            pass
    process.check(limit)


def _write_all(descriptor: int, chunk: bytes) -> None:
    """Waits for more room than one page: a blocked write would be woken for each of them."""
    rest = memoryview(chunk)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)


def account(settings: DatabaseSettings) -> str | None:
    """As which account programs read and write dumps; None: as we are."""
    return settings.system_user if os.geteuid() == 0 else None
