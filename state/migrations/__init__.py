"""Brings a database to the newest revision, forward only."""

from importlib import import_module

from sqlalchemy import Connection

#: The revision that this program works with; a test holds it to the newest file in versions/.
HEAD = "0005"


def upgrade(connection: Connection) -> None:
    """Run what is missing, inside the caller's transaction, which holds the write lock."""
    # Alembic takes a second or two to import, so only a start that migrates pays for it.
    import_module("state.migrations.environment").upgrade(connection, HEAD)
