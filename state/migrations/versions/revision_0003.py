"""Schedules that are agreed to in chat, with their consent, and holds."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Frozen: a later change of the models is a later revision.
STATEMENTS = (
    "ALTER TABLE schedules RENAME TO schedules_0002",
    """CREATE TABLE schedules (
        name TEXT NOT NULL,
        command TEXT NOT NULL,
        cron TEXT NOT NULL,
        tz TEXT NOT NULL,
        catch_up TEXT NOT NULL,
        grace_minutes INTEGER NOT NULL,
        source TEXT NOT NULL,
        paused INTEGER NOT NULL,
        last_due_at TEXT,
        created_at TEXT NOT NULL,
        effect TEXT,
        asker_id INTEGER,
        asker_name TEXT,
        agreed_by TEXT NOT NULL,
        job_id INTEGER,
        fingerprint TEXT,
        epoch INTEGER,
        policy_sha256 TEXT,
        suspended TEXT,
        PRIMARY KEY (name),
        FOREIGN KEY(job_id) REFERENCES jobs (id)
    ) STRICT""",
    # Until here every schedule was root's.
    """INSERT INTO schedules
    SELECT name, command, cron, tz, catch_up, grace_minutes, source, paused, last_due_at,
        created_at, NULL, NULL, NULL, '[]', NULL, NULL, NULL, NULL, NULL
    FROM schedules_0002""",
    "DROP TABLE schedules_0002",
    """CREATE TABLE holds (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        why TEXT NOT NULL,
        asker_id INTEGER,
        asker_name TEXT NOT NULL,
        began_at TEXT NOT NULL,
        until TEXT NOT NULL,
        ended_at TEXT,
        ended_by TEXT
    ) STRICT""",
    "CREATE INDEX holds_open ON holds (until) WHERE ended_at IS NULL",
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
