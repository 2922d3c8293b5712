"""What the bot itself must remember: its database, as of one moment, and its configuration."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from handlers.backups.tar_stream import TarWriter
from handlers.contract import Context

#: Names in the tar begin with it, wherever they lie.
ROOT = "zulip-ops"
#: Beside the database, because it is as large as that one, and as private.
_COPY = ".copy-of-own-database"
BUSY_SECONDS = 10


def copy(context: Context, writer: TarWriter) -> list[str]:
    """Put both into the tar, where they are wanted; returns what could not be copied.

    No key that opens copies is among them: these lie in files of their own. The bot goes on
    writing meanwhile. What fails here is said, and stops no backup of the server.
    """
    chosen, odd = context.contents, list[str]()
    if chosen.own_database is not None and chosen.own_database.exists():
        try:
            _copy_database(chosen.own_database, writer)
        except (sqlite3.Error, OSError) as error:
            odd.append(f"The bot's own database {chosen.own_database}: {error}.")
    if chosen.own_configuration is not None and chosen.own_configuration.exists():
        path = chosen.own_configuration
        try:
            writer.add_file(f"{ROOT}/{path.name}", os.fsencode(path.resolve()))
        except OSError as error:
            odd.append(f"The bot's own configuration {path}: {error.strerror}.")
    return odd


def _copy_database(database: Path, writer: TarWriter) -> None:
    """By SQLite's own online backup: a file that is written to cannot be copied as a file."""
    temporary = database.with_name(_COPY)
    temporary.unlink(missing_ok=True)  # a run that died may have left it
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with (
            closing(_read_only(database)) as source,
            closing(sqlite3.connect(temporary, isolation_level=None)) as target,
        ):
            source.backup(target)
            # One file, which needs no second one beside it to be whole.
            target.execute("PRAGMA journal_mode = DELETE")
        writer.add_file(f"{ROOT}/{database.name}", os.fsencode(temporary))
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)


def _read_only(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
