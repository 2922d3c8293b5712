"""Consent by other people: who may, how many, and how long ❌ can still stop it."""

from alembic import op

revision = "0002"
down_revision = "0001"

# Frozen: a later change of the models is a later revision. SQLite keeps a table's own statement,
# so the table is made anew instead of being altered.
STATEMENTS = (
    "DROP INDEX approval_requests_by_message",
    "DROP INDEX approval_requests_by_status",
    "ALTER TABLE approval_requests RENAME TO approval_requests_0001",
    """CREATE TABLE approval_requests (
        job_id INTEGER NOT NULL,
        message_id INTEGER,
        fingerprint TEXT NOT NULL,
        kind TEXT NOT NULL,
        asker_id INTEGER,
        approvers TEXT NOT NULL,
        self_counts INTEGER NOT NULL,
        needed INTEGER NOT NULL,
        arming_seconds INTEGER NOT NULL,
        armed_until TEXT,
        policy_sha256 TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        status TEXT NOT NULL,
        votes TEXT NOT NULL,
        spoken TEXT NOT NULL,
        told TEXT NOT NULL,
        decided_at TEXT,
        PRIMARY KEY (job_id),
        FOREIGN KEY(job_id) REFERENCES jobs (id)
    ) STRICT""",
    # Until here the asker alone confirmed.
    """INSERT INTO approval_requests
    SELECT job_id, message_id, fingerprint, kind, asker_id, json_array(asker_id), 1, needed,
        0, NULL, '', expires_at, status, votes, '[]', '{}', decided_at
    FROM approval_requests_0001""",
    "DROP TABLE approval_requests_0001",
    "CREATE INDEX approval_requests_by_message ON approval_requests (message_id)",
    "CREATE INDEX approval_requests_by_status ON approval_requests (status)",
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
