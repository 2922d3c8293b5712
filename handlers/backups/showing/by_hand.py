"""The commands that restore a copy with age, zstd, tar and PostgreSQL alone, for a shell."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from handlers.backups.repository import CONFIGURATION, DATABASE, UPLOADS, Snapshot
from handlers.backups.sealing.record import Use
from handlers.host.settings import DatabaseSettings, StoreSettings

#: The account, and the role of PostgreSQL, that may make databases.
SUPERUSER = "postgres"


def commands(
    snapshot: Snapshot, store: StoreSettings, database: DatabaseSettings
) -> tuple[str, ...]:
    """Lines for bash, in an empty directory."""
    # Also where one of them cannot be read any more: what there is, is brought back.
    holding = sorted({snapshot.id, *snapshot.uploads.held_by})
    return (
        "# In bash, as root, in an empty directory. Stop at the first line that complains.",
        "set -o pipefail",
        *_copies(store, holding),
        *_objects(snapshot),
        *(_database(snapshot, database) if DATABASE in snapshot.streams else ()),
        *(_configuration(snapshot) if CONFIGURATION in snapshot.streams else ()),
        *(_uploads(holding) if UPLOADS in snapshot.streams else ()),
    )


def _database(snapshot: Snapshot, database: DatabaseSettings) -> Iterator[str]:
    name, server = database_name(snapshot.id), _server(database)
    yield f"# The database, beside Zulip's own. The role {database.user} must be there already."
    yield _as_superuser(database, "createdb", *server, f"--owner={database.user}", name)
    yield f"objects {snapshot.id} database | zstd -dc | " + _as_superuser(
        database, "pg_restore", *server, "--exit-on-error", f"--dbname={name}"
    )


def _configuration(snapshot: Snapshot) -> Iterator[str]:
    yield "# /etc/zulip with its secrets, into etc/zulip; PostgreSQL's settings, into"
    yield "# etc/postgresql, its roles, into postgresql/globals.sql; dictionaries, into usr."
    yield f"objects {snapshot.id} configuration | zstd -dc | tar -x"


def _uploads(holding: Sequence[str]) -> Iterator[str]:
    yield "# The uploads, oldest first, into uploads/. What was deleted since comes back too."
    yield f"for id in {' '.join(holding)}; do"
    yield f"  objects $id {UPLOADS} | zstd -dc | tar -x || break"
    yield "done"


def database_name(snapshot_id: str) -> str:
    """Into which it is restored."""
    return f"zulip_{snapshot_id[-8:]}"


def _copies(store: StoreSettings, holding: Sequence[str]) -> Iterator[str]:
    if store.path is not None:
        yield f"copies={shlex.quote(str(store.path))}"
        return
    prefix = f"{store.prefix.strip('/')}/" if store.prefix.strip("/") else ""
    address = shlex.quote(f"s3://{store.bucket}/{prefix}objects")
    endpoint = f" --endpoint-url {shlex.quote(store.endpoint)}" if store.endpoint else ""
    yield "copies=$PWD/copies"
    yield "# Fetch the objects with any client of S3, for example:"
    yield f"for id in {' '.join(holding)}; do"
    yield f'  aws s3 cp --recursive{endpoint} {address}/$id "$copies/objects/$id" || break'
    yield "done"


def _objects(snapshot: Snapshot) -> tuple[str, ...]:
    """A function of the shell that puts out the compressed stream."""
    if snapshot.sealing is None:
        return ('objects() { cat "$copies/objects/$1/$2"-*; }',)
    fitting = " or ".join(
        f"the {each.use.value} key {each.id}"
        for each in snapshot.sealing.keys
        if each.use in {Use.RECOVERY, Use.DRILL}
    )
    return (
        f"# The file of {fitting}; `shred -u` it when all is done.",
        "identity=$HOME/recovery.key",
        "objects() {",
        '  for each in "$copies/objects/$1/$2"-*; do',
        '    age --decrypt --identity "$identity" "$each" || return',
        "  done",
        "}",
    )


def _server(database: DatabaseSettings) -> tuple[str, ...]:
    return (f"--host={database.host}", f"--port={database.port}", f"--username={SUPERUSER}")


def _as_superuser(database: DatabaseSettings, program: str, *arguments: str) -> str:
    """By the account that PostgreSQL knows; root itself is a stranger to it."""
    becoming = () if database.system_user is None else ("runuser", "-u", SUPERUSER, "--")
    path = program if database.programs is None else str(Path(database.programs, program))
    return shlex.join((*becoming, path, *arguments))
