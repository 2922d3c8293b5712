"""PostgreSQL's roles and tablespaces, which no dump of a database holds."""

import os
import pwd
from datetime import timedelta
from pathlib import Path

from handlers.backups.tar_stream import TarWriter
from handlers.errors import HostFailure
from handlers.host import postgres, processes
from handlers.host.settings import DatabaseSettings

NAME = "postgresql/globals.sql"
#: PostgreSQL's first role, and on Debian the account that it answers to.
SUPERUSER = "postgres"
LIMIT = timedelta(minutes=2)
#: Of what the program said last.
SAID_LINES = 3
#: How its output begins.
BEGINNING = "--"
NO_PASSWORDS = "Passwords of PostgreSQL's roles: only its superuser may read them, and {why}"
NOT_AT_ALL = "PostgreSQL's roles and tablespaces: {why}"


def copy(settings: DatabaseSettings, programs: Path, writer: TarWriter) -> list[str]:
    """Write what pg_dumpall says of them into the tar; what is missing of it is returned.

    As the superuser where that is possible, and otherwise as the role that owns the database, who
    may not see passwords. Neither stops a backup: Zulip needs one role, which the dump names.
    """
    try:
        said, left_out = _dump_globals(settings, programs, as_superuser=True), []
    except HostFailure as refused:
        try:
            said = _dump_globals(settings, programs, as_superuser=False)
        except HostFailure as failure:
            return [NOT_AT_ALL.format(why=_why(failure))]
        left_out = [NO_PASSWORDS.format(why=_why(refused))]
    writer.add_bytes(NAME, said.encode(errors="surrogateescape"), 0o600)
    return left_out


def argv(settings: DatabaseSettings, programs: Path, *, as_superuser: bool) -> processes.Argv:
    """Roles, their settings, and tablespaces; no databases."""
    return (
        str(programs / "pg_dumpall"),
        "--globals-only",
        f"--host={settings.host}",
        f"--port={settings.port}",
        f"--username={SUPERUSER if as_superuser else settings.user}",
        f"--database={settings.name}",
        "--no-password",
        *(() if as_superuser else ("--no-role-passwords",)),
    )


def _dump_globals(settings: DatabaseSettings, programs: Path, *, as_superuser: bool) -> str:
    done = processes.run(
        argv(settings, programs, as_superuser=as_superuser),
        timeout=LIMIT,
        user=_account(settings, as_superuser=as_superuser),
        environment={"PGPASSFILE": postgres.NO_PASSWORD_FILE},
    )
    if not done.output.startswith(BEGINNING):
        # Of a longer output only the end is kept, and half of the roles are worth nothing.
        raise HostFailure("What pg_dumpall says of them is longer than a megabyte.")
    return done.output


def _account(settings: DatabaseSettings, *, as_superuser: bool) -> str | None:
    """Peer authentication knows the superuser by an account of the same name."""
    if os.geteuid() != 0 or settings.system_user is None:
        return None
    if not as_superuser:
        return settings.system_user
    try:
        return pwd.getpwnam(SUPERUSER).pw_name
    except KeyError:
        raise HostFailure(f"there is no account {SUPERUSER} on this host.") from None


def _why(failure: HostFailure) -> str:
    """With the last things that the program said, which name the cause."""
    said = " ".join(failure.tail.split("\n")[-SAID_LINES:]).strip()
    return f"{failure.message.removesuffix('.')} ({said})." if said else failure.message
