"""Incidents, and the newest messages by which Zulip's numbering is known again."""

from alembic import op

revision = "0004"
down_revision = "0003"

# Frozen: a later change of the models is a later revision.
STATEMENTS = (
    """CREATE TABLE seen_messages (
        message_id INTEGER NOT NULL,
        sender_id INTEGER NOT NULL,
        sent_at TEXT NOT NULL,
        PRIMARY KEY (message_id)
    ) STRICT""",
    """CREATE TABLE incidents (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        severity TEXT NOT NULL,
        opened_at TEXT NOT NULL,
        sentence TEXT NOT NULL,
        detail TEXT NOT NULL,
        closed_at TEXT,
        closed_by TEXT,
        closing_reason TEXT
    ) STRICT""",
    """CREATE UNIQUE INDEX incidents_open ON incidents (kind, subject)
    WHERE closed_at IS NULL""",
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
