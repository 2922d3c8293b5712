"""The door to PostgreSQL: short conversations with Zulip's database, which only read it."""

import ctypes
import os
import platform
import pwd
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from handlers.errors import HostFailure, Reason
from handlers.host.settings import DatabaseSettings

TIMEOUT = timedelta(seconds=5)
#: Debian and Ubuntu keep each major's programs apart.
DEBIAN = Path("/usr/lib/postgresql")
#: The account and the role of PostgreSQL that may make and rename databases.
SUPERUSER = "postgres"
#: The database that is always there.
MAINTENANCE = "postgres"
#: Named, so that libpq looks for no password file of ours.
NO_PASSWORD_FILE = "/nonexistent/pgpass"  # noqa: S105 (the name of a file that is not there)

#: Of a query whose answer is not held whole, at a time.
FETCHED_ROWS = 2000
#: Numbers that tell the cursors of one process apart.
_cursors = count()


class Cursor(Protocol):
    """The part of psycopg2's cursor that is used."""

    def execute(self, query: str, vars: Sequence[object] | None = None, /) -> None: ...
    def fetchone(self) -> tuple[Any, ...] | None: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


class Connection(Protocol):
    """The part of psycopg2's connection that is used."""

    def cursor(self) -> Cursor: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...


class DatabaseInUse(HostFailure):
    """Somebody is connected to a database of which nobody may be."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What the database says of itself."""

    #: As people write it, such as `16.4`.
    server_version: str
    major: int
    #: Made once by initdb: the same cluster, or a physical copy of it.
    system_identifier: str
    size_bytes: int
    connections: int
    connection_limit: int


@contextmanager
def connect(settings: DatabaseSettings, *, timeout: timedelta = TIMEOUT) -> Iterator[Connection]:
    """A read-only connection in autocommit mode; no statement may take longer than `timeout`.

    Raises HostFailure, with one sentence, when the database cannot be reached or a statement fails.
    """
    with _connected(settings, timeout, readonly=True) as connection:
        yield connection


@contextmanager
def administer(
    settings: DatabaseSettings, *, database: str = MAINTENANCE, timeout: timedelta = TIMEOUT
) -> Iterator[Connection]:
    """A connection as PostgreSQL's superuser that may change what it likes, in autocommit mode.

    Otherwise as `connect`.
    """
    system_user = None if settings.system_user is None else SUPERUSER
    superuser = replace(settings, name=database, user=SUPERUSER, system_user=system_user)
    with _connected(superuser, timeout, readonly=False) as connection:
        yield connection


@contextmanager
def _connected(
    settings: DatabaseSettings, timeout: timedelta, *, readonly: bool
) -> Iterator[Connection]:
    import psycopg2  # noqa: PLC0415 (slow, and only needed where somebody asks the database)

    try:
        with _acting_as(settings.system_user):
            connection = psycopg2.connect(
                host=settings.host,
                port=settings.port,
                dbname=settings.name,
                user=settings.user,
                passfile=NO_PASSWORD_FILE,
                connect_timeout=max(2, round(min(timeout, TIMEOUT).total_seconds())),
                application_name="zulip-ops",
                client_encoding="UTF8",
                options=f"-c statement_timeout={round(timeout.total_seconds() * 1000)}",
            )
    except psycopg2.Error as error:
        raise _unreachable(settings, error) from error
    try:
        connection.set_session(readonly=readonly, autocommit=True)
        yield connection
    except psycopg2.errors.ObjectInUse as error:
        raise DatabaseInUse(f"PostgreSQL refuses it: {_first_line(error)}.") from error
    except psycopg2.Error as error:
        raise HostFailure(
            f"PostgreSQL did not answer a question about database {settings.name}:"
            f" {_first_line(error)}.",
            hint="Look into PostgreSQL's log.",
        ) from error
    finally:
        connection.close()


def rows(
    connection: Connection, query: str, parameters: Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of one query."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def execute(
    connection: Connection, statement: str, parameters: Sequence[object] | None = None
) -> None:
    """A statement that answers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def value(connection: Connection, query: str, parameters: Sequence[object] | None = None) -> Any:
    """The first column of the first row; None without a row."""
    found = rows(connection, query, parameters)
    return found[0][0] if found else None


def streamed(
    connection: Connection, query: str, *, at_once: int = FETCHED_ROWS
) -> Iterator[tuple[Any, ...]]:
    """The rows of one query, never more than a few in memory; only inside a transaction."""
    name = f"zulip_ops_{next(_cursors)}"
    with connection.cursor() as cursor:
        cursor.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {query}")
        while True:
            cursor.execute(f"FETCH {at_once} FROM {name}")
            found = cursor.fetchall()
            yield from found
            if len(found) < at_once:
                break
        cursor.execute(f"CLOSE {name}")


def cancel(connection: Connection) -> None:
    """End the question that another thread is waiting for; its answer is an error then."""
    import psycopg2  # noqa: PLC0415 (as in `connect`)

    with suppress(psycopg2.Error):
        connection.cancel()


def read_facts(connection: Connection) -> DatabaseFacts:
    """What the database says of itself, in one round trip."""
    version, number, identifier, size, used, limit = rows(
        connection,
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int,"
        " (SELECT system_identifier::text FROM pg_control_system()),"
        " pg_database_size(current_database()),"
        " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),"
        " current_setting('max_connections')::int",
    )[0]
    return DatabaseFacts(
        server_version=str(version).split(" ")[0],
        major=number // 10_000,
        system_identifier=identifier,
        size_bytes=size,
        connections=used,
        connection_limit=limit,
    )


def has_table(connection: Connection, name: str) -> bool:
    """Whether the search path leads to a table of that name."""
    return value(connection, "SELECT to_regclass(%s) IS NOT NULL", (name,)) is True


def has_columns(connection: Connection, table: str, *columns: str) -> bool:
    """Whether the search path leads to a table of that name which has all these columns."""
    query = (
        "SELECT count(*) FROM pg_attribute"
        " WHERE attrelid = to_regclass(%s) AND attname = ANY(%s) AND NOT attisdropped"
    )
    return bool(value(connection, query, (table, list(columns))) == len(columns))


def migrations(connection: Connection) -> list[str]:
    """Django's applied migrations as `app.name`, sorted; empty where there is no such table."""
    if not has_table(connection, "django_migrations"):
        return []
    query = "SELECT app || '.' || name FROM django_migrations ORDER BY app, name"
    return sorted(row[0] for row in rows(connection, query))


def programs_directory(settings: DatabaseSettings, major: int) -> Path:
    """Where this server's own pg_dump and pg_restore lie; HostFailure when they are missing.

    A pg_dump older than the server refuses it, and a newer archive is not read by an older
    pg_restore: so the server's own major is taken, never what PATH happens to hold.
    """
    directory = settings.programs or DEBIAN / str(major) / "bin"
    for program in ("pg_dump", "pg_restore"):
        if not (directory / program).exists():
            raise HostFailure(
                f"The program {directory / program} is missing.",
                hint=f"Install the package postgresql-client-{major}.",
            )
    return directory


def reading_programs(settings: DatabaseSettings, major: int) -> Path:
    """Where a pg_restore lies that reads dumps of this major; HostFailure when none is here.

    A newer one reads them too, and after an upgrade of PostgreSQL may be the only one left.
    """
    own = settings.programs or DEBIAN / str(major) / "bin"
    newer = sorted(
        (int(each.name), each / "bin")
        for each in (DEBIAN.iterdir() if DEBIAN.is_dir() else ())
        if each.name.isdecimal() and int(each.name) > major
    )
    for directory in (own, *(each for _, each in newer)):
        if (directory / "pg_restore").exists():
            return directory
    raise HostFailure(
        f"No pg_restore that reads a dump of PostgreSQL {major} is here.",
        hint=f"Install the package postgresql-client-{major}, or a newer one.",
    )


def client_arguments(settings: DatabaseSettings) -> tuple[str, ...]:
    """How PostgreSQL's own programs are told which database is meant."""
    return (
        f"--host={settings.host}",
        f"--port={settings.port}",
        f"--username={settings.user}",
        f"--dbname={settings.name}",
        "--no-password",
    )


@contextmanager
def _acting_as(account: str | None) -> Iterator[None]:
    """Peer authentication looks at the effective user of the thread that connects.

    Only this thread changes: os.seteuid would change every thread of the process, while another
    one may just be writing what only root can write.
    """
    if account is None or os.geteuid() != 0:
        yield
        return
    try:
        user = pwd.getpwnam(account).pw_uid
    except KeyError:
        raise HostFailure(
            f"The account {account} does not exist on this host.",
            hint="Set host.database.system_user to the account that owns Zulip's database.",
            reason=Reason.NOT_CONFIGURED,
        ) from None
    _set_effective_user(user)
    try:
        yield
    finally:
        _set_effective_user(0)


#: The number of setresuid(2), which libc wraps for all threads at once.
_SETRESUID = {"x86_64": 117, "aarch64": 147}


def _set_effective_user(user: int) -> None:
    number = _SETRESUID.get(platform.machine())
    if number is None:
        os.seteuid(user)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    keep = ctypes.c_long(-1)
    if libc.syscall(ctypes.c_long(number), keep, ctypes.c_long(user), keep) != 0:
        code = ctypes.get_errno()
        raise HostFailure(f"The effective user could not be changed: {os.strerror(code)}.")


def _unreachable(settings: DatabaseSettings, error: Exception) -> HostFailure:
    return HostFailure(
        f"PostgreSQL cannot be reached at {settings.host}:{settings.port}"
        f" as {settings.user}: {_first_line(error)}.",
        hint="See whether PostgreSQL runs: `systemctl status postgresql`.",
    )


def _first_line(error: Exception) -> str:
    said = str(error).strip()
    # libpq repeats where it tried to go; what went wrong comes after the last colon.
    line = said.splitlines()[0] if said else type(error).__name__
    return line.rsplit(" failed: ", 1)[-1].removesuffix(".")
