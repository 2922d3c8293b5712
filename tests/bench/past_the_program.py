"""Changes the bot's database as no bot would."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.acceptance.conversation import Conversation


def database_file(talk: Conversation) -> Path:
    return talk.stage.state / "zulip-ops.db"


def write(talk: Conversation, *statements: str) -> None:
    """While no bot runs; afterwards all of it lies in the one file."""
    with closing(sqlite3.connect(database_file(talk))) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
