"""A throw-away PostgreSQL in which one copy comes to life; nobody but the drill can reach it."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from handlers.backups.database_dump import ENVIRONMENT
from handlers.backups.drills.place.scratch import Scratch, no_room
from handlers.errors import HostFailure, Reason
from handlers.host import processes
from handlers.host.process_table import entry
from handlers.host.processes import Argv, Process
from handlers.host.settings import DatabaseSettings

SUPERUSER = "postgres"
#: Only names the socket: nothing listens on TCP.
PORT = 5432
ANSWER_LIMIT = timedelta(minutes=1)
QUIT_LIMIT = timedelta(seconds=10)
#: Of one question about the restored database.
QUESTION_LIMIT = timedelta(hours=2)
_POLL_SECONDS = 0.05
#: Zulip makes its database with this one, and glibc has it always.
LOCALE = "C.UTF-8"

#: Given on the command line, so that nothing which comes out of a copy can say otherwise.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "20",
    # It is seen by nobody, followed by nobody, and writes into nobody's archive.
    "archive_mode": "off",
    "archive_command": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "primary_conninfo": "",
    "max_logical_replication_workers": "0",
    "shared_preload_libraries": "",
    # Nothing of it has to survive, and it runs beside a server that is at work.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "128MB",
    # Each check joins two tables that may be large, one check at a time.
    "work_mem": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "32MB",
    # In files of its own directory, which go with it, whatever it dies of.
    "dynamic_shared_memory_type": "mmap",
    "restart_after_crash": "off",
    # Its words are read by their codes.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%e ",
    "log_min_messages": "warning",
    "log_statement": "none",
    "lc_messages": "C",
}
_QUIETLY = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
#: SQLSTATE disk_full, and out_of_memory.
_DISK_FULL = re.compile(r"^53100 ", re.MULTILINE)
_NO_MEMORY = re.compile(r"^53200 ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One that runs; everything about it ends with the drill."""

    place: Scratch
    programs: Path
    server: Process
    #: The database that Zulip's becomes, and its owner, who is no superuser.
    database: DatabaseSettings

    @property
    def is_alive(self) -> bool:
        found = entry(self.server.pid)
        return found is not None and found.is_running

    def client(self, program: str, *arguments: str, user: str | None = None) -> Argv:
        """How one of PostgreSQL's programs is called for the restored database."""
        return (
            str(self.programs / program),
            *arguments,
            f"--host={self.place.socket}",
            f"--port={PORT}",
            f"--username={user or self.database.user}",
            "--no-password",
        )

    def start(self, argv: Argv, *, stdin: bool = False) -> Process:
        """Never as root."""
        return processes.start(
            argv,
            stdin=stdin,
            user=self.place.account,
            environment=ENVIRONMENT,
            directory=self.place.path,
        )

    def run(self, argv: Argv, *, timeout: timedelta, check: bool = True) -> processes.Completed:
        """Never as root."""
        return processes.run(
            argv,
            timeout=timeout,
            check=check,
            user=self.place.account,
            environment=ENVIRONMENT,
            directory=self.place.path,
        )

    def sql(self, statements: str) -> None:
        """As its superuser; only for what we write ourselves."""
        processes.run(
            self.client("psql", *_QUIETLY, "--dbname=postgres", "--file=-", user=SUPERUSER),
            timeout=ANSWER_LIMIT,
            stdin=statements.encode(),
            user=self.place.account,
            environment=ENVIRONMENT,
            directory=self.place.path,
        )

    def make_role(self, name: str) -> None:
        """One that owns things and can do nothing."""
        self.sql(f"CREATE ROLE {_quoted(name)} NOLOGIN;\n")

    def answers(self) -> bool:
        argv = self.client(
            "psql", *_QUIETLY, "--dbname=postgres", "--command=SELECT", user=SUPERUSER
        )
        return self.run(argv, timeout=ANSWER_LIMIT, check=False).exit_code == 0

    def why_it_failed(self) -> HostFailure | None:
        """What of the drill itself went wrong, if it did; None: look for it in the copy."""
        said = self.server.errors
        if _DISK_FULL.search(said):
            return no_room(self.place.path.parent)
        if _NO_MEMORY.search(said):
            return HostFailure(
                "The PostgreSQL of the drill ran out of memory.",
                reason=Reason.OUT_OF_MEMORY,
                tail=processes.last_lines(said),
            )
        # Where one of its processes was killed it goes down, and takes nobody in meanwhile.
        if not self.is_alive or not self.answers():
            return HostFailure(
                "The PostgreSQL of the drill ended in the middle of it.",
                hint="Look what ended it, and drill again; this says nothing of the copy.",
                tail=processes.last_lines(said),
            )
        return None


@contextmanager
def cluster(place: Scratch, programs: Path, copied: DatabaseSettings) -> Iterator[Cluster]:
    """A new cluster with an empty database of that name and owner; it ends with the block."""
    database = DatabaseSettings(
        host=str(place.socket),
        port=PORT,
        name=copied.name,
        user=copied.user,
        system_user=None,
        programs=programs,
    )
    _initialise(place, programs)
    with processes.start(
        _server_argv(place, programs),
        user=place.account,
        environment=ENVIRONMENT,
        directory=place.path,
    ) as server:
        made = Cluster(place, programs, server, database)
        try:
            _wait_until_it_answers(made)
            made.sql(_database_statements(copied))
            yield made
        finally:
            _quit(server)


def _initialise(place: Scratch, programs: Path) -> None:
    argv = (
        str(programs / "initdb"),
        f"--pgdata={place.data}",
        f"--username={SUPERUSER}",
        # Its socket lies in a directory that is closed to everybody else.
        "--auth=trust",
        "--encoding=UTF8",
        f"--locale={LOCALE}",
        "--no-sync",
        "--no-instructions",
    )
    processes.run(
        argv,
        timeout=ANSWER_LIMIT,
        user=place.account,
        environment=ENVIRONMENT,
        directory=place.path,
    )


def _server_argv(place: Scratch, programs: Path) -> Argv:
    given = SETTINGS | {"unix_socket_directories": str(place.socket)}
    settings = (part for name, value in given.items() for part in ("-c", f"{name}={value}"))
    return (str(programs / "postgres"), "-D", str(place.data), *settings)


def _database_statements(copied: DatabaseSettings) -> str:
    """As Zulip's own set-up makes them; what a dump holds then runs without a superuser's power."""
    name, user = (_quoted(each) for each in (copied.name, copied.user))
    return (
        f"CREATE ROLE {user} LOGIN;\n"
        f"ALTER ROLE {user} SET search_path TO zulip, public;\n"
        f"CREATE DATABASE {name} OWNER {user} TEMPLATE template0 ENCODING 'UTF8';\n"
    )


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _wait_until_it_answers(made: Cluster) -> None:
    deadline = time.monotonic() + ANSWER_LIMIT.total_seconds()
    while not made.answers():
        if not made.is_alive or time.monotonic() > deadline:
            raise made.why_it_failed() or HostFailure(
                "The PostgreSQL of the drill did not answer.",
                tail=processes.last_lines(made.server.errors),
            )
        time.sleep(_POLL_SECONDS)


def _quit(server: Process) -> None:
    """At once: nothing of it is wanted any more."""
    found = entry(server.pid)
    if found is not None and found.is_running:
        os.kill(server.pid, signal.SIGQUIT)
        # One that does not end is ended with all that runs in its place.
        with suppress(HostFailure):
            server.wait(QUIT_LIMIT)
