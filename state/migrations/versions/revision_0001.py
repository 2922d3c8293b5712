"""The first tables: everything that the spine of zulip-ops remembers."""

from alembic import op

revision = "0001"
down_revision = None

# Frozen: a later change of the models is a later revision.
STATEMENTS = (
    """CREATE TABLE settings (
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (name)
    ) STRICT""",
    """CREATE TABLE cursor (
        only INTEGER NOT NULL,
        queue_id TEXT,
        last_event_id INTEGER NOT NULL,
        last_message_id INTEGER,
        server_generation INTEGER,
        zulip_version TEXT,
        PRIMARY KEY (only),
        CONSTRAINT cursor_is_one_row CHECK (only = 1)
    ) STRICT""",
    """CREATE TABLE inbox (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        origin TEXT NOT NULL,
        source_key TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        message_id INTEGER,
        sender_id INTEGER,
        sender_name TEXT NOT NULL,
        content TEXT NOT NULL,
        content_sha256 TEXT NOT NULL,
        channel_id INTEGER,
        topic TEXT,
        direct INTEGER NOT NULL,
        client TEXT NOT NULL,
        sent_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        refusal TEXT,
        status TEXT NOT NULL,
        reason TEXT,
        job_id INTEGER,
        answered_at TEXT,
        UNIQUE (source_key)
    ) STRICT""",
    "CREATE INDEX inbox_by_message ON inbox (message_id) WHERE message_id IS NOT NULL",
    "CREATE INDEX inbox_open ON inbox (id) WHERE status = 'received'",
    """CREATE TABLE jobs (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        epoch INTEGER NOT NULL,
        operation TEXT NOT NULL,
        arguments TEXT NOT NULL,
        command TEXT NOT NULL,
        effect TEXT NOT NULL,
        status TEXT NOT NULL,
        cancelling INTEGER NOT NULL,
        cancelled_by TEXT,
        origin TEXT NOT NULL,
        asker_id INTEGER,
        asker_name TEXT NOT NULL,
        command_message_id INTEGER,
        command_sha256 TEXT,
        inbox_id INTEGER,
        consent TEXT NOT NULL,
        nonce TEXT NOT NULL,
        expires_at TEXT,
        fingerprint TEXT,
        "plan" TEXT,
        reason TEXT,
        sentence TEXT,
        outcome TEXT,
        caught_up INTEGER NOT NULL,
        anchor_message_id INTEGER,
        card_message_id INTEGER,
        status_message_id INTEGER,
        end_message_id INTEGER,
        created_at TEXT NOT NULL,
        queued_at TEXT,
        started_at TEXT,
        ended_at TEXT,
        FOREIGN KEY(inbox_id) REFERENCES inbox (id),
        UNIQUE (nonce)
    ) STRICT""",
    "CREATE INDEX jobs_by_all_three ON jobs (asker_id, operation, status)",
    "CREATE INDEX jobs_by_asker ON jobs (asker_id)",
    "CREATE INDEX jobs_by_asker_and_operation ON jobs (asker_id, operation)",
    "CREATE INDEX jobs_by_asker_and_status ON jobs (asker_id, status)",
    "CREATE INDEX jobs_by_operation ON jobs (operation)",
    "CREATE INDEX jobs_by_operation_and_status ON jobs (operation, status)",
    "CREATE INDEX jobs_by_status ON jobs (status)",
    "CREATE INDEX jobs_not_ended ON jobs (id) WHERE ended_at IS NULL",
    """CREATE TABLE runs (
        job_id INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        mode TEXT NOT NULL,
        status TEXT NOT NULL,
        folder TEXT,
        intended_at TEXT NOT NULL,
        started_at TEXT,
        ended_at TEXT,
        result TEXT,
        journal_offset INTEGER NOT NULL,
        PRIMARY KEY (job_id, attempt),
        FOREIGN KEY(job_id) REFERENCES jobs (id)
    ) STRICT""",
    "CREATE INDEX runs_by_folder ON runs (folder) WHERE folder IS NOT NULL",
    "CREATE UNIQUE INDEX runs_open ON runs (job_id) WHERE status IN ('intended', 'started')",
    """CREATE TABLE approval_requests (
        job_id INTEGER NOT NULL,
        message_id INTEGER,
        fingerprint TEXT NOT NULL,
        kind TEXT NOT NULL,
        asker_id INTEGER,
        needed INTEGER NOT NULL,
        expires_at TEXT NOT NULL,
        status TEXT NOT NULL,
        votes TEXT NOT NULL,
        decided_at TEXT,
        PRIMARY KEY (job_id),
        FOREIGN KEY(job_id) REFERENCES jobs (id)
    ) STRICT""",
    "CREATE INDEX approval_requests_by_message ON approval_requests (message_id)",
    "CREATE INDEX approval_requests_by_status ON approval_requests (status)",
    """CREATE TABLE questions (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        job_id INTEGER,
        message_id INTEGER,
        people TEXT NOT NULL,
        purpose TEXT NOT NULL,
        revision INTEGER NOT NULL,
        asked_at TEXT NOT NULL,
        status TEXT NOT NULL,
        answered_at TEXT,
        FOREIGN KEY(job_id) REFERENCES jobs (id)
    ) STRICT""",
    "CREATE INDEX questions_by_status ON questions (status)",
    "CREATE INDEX questions_by_subject ON questions (job_id, message_id, purpose)",
    """CREATE TABLE outbox (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        epoch INTEGER NOT NULL,
        lane TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        kind TEXT NOT NULL,
        facts TEXT NOT NULL,
        priority INTEGER NOT NULL,
        status TEXT NOT NULL,
        job_id INTEGER,
        role TEXT,
        created_at TEXT NOT NULL,
        not_before TEXT,
        attempts INTEGER NOT NULL,
        tried_at TEXT,
        sent_at TEXT,
        message_id INTEGER,
        reason TEXT,
        FOREIGN KEY(job_id) REFERENCES jobs (id)
    ) STRICT""",
    "CREATE INDEX outbox_by_job ON outbox (job_id) WHERE job_id IS NOT NULL",
    "CREATE INDEX outbox_by_lane ON outbox (lane) WHERE message_id IS NOT NULL",
    "CREATE INDEX outbox_by_message ON outbox (message_id) WHERE message_id IS NOT NULL",
    """CREATE INDEX outbox_pending
    ON outbox (lane, id, priority) WHERE status IN ('new', 'sending')""",
    """CREATE TABLE anchors (
        message_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        topic TEXT NOT NULL,
        known_at TEXT NOT NULL,
        sure INTEGER NOT NULL,
        PRIMARY KEY (message_id)
    ) STRICT""",
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
        PRIMARY KEY (name)
    ) STRICT""",
    """CREATE TABLE schedule_runs (
        schedule TEXT NOT NULL,
        due_at TEXT NOT NULL,
        enqueued_at TEXT NOT NULL,
        caught_up INTEGER NOT NULL,
        PRIMARY KEY (schedule, due_at)
    ) STRICT""",
    """CREATE TABLE check_rounds (
        started_at TEXT NOT NULL,
        ended_at TEXT NOT NULL,
        facts TEXT NOT NULL,
        PRIMARY KEY (started_at)
    ) STRICT""",
    """CREATE TABLE audit_entries (
        seq INTEGER NOT NULL,
        at TEXT NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        detail TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (seq),
        UNIQUE (hash)
    ) STRICT""",
    """CREATE TRIGGER audit_entries_never_change BEFORE UPDATE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END""",
    """CREATE TRIGGER audit_entries_never_vanish BEFORE DELETE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END""",
    """CREATE TRIGGER audit_entries_form_a_chain BEFORE INSERT ON audit_entries
    WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_entries)
    OR NEW.previous_hash IS NOT COALESCE(
        (SELECT hash FROM audit_entries ORDER BY seq DESC LIMIT 1), printf('%064d', 0))
    BEGIN SELECT RAISE(ABORT, 'an audit entry must follow the last one'); END""",
    """INSERT INTO settings (name, value)
    VALUES ('host_id', lower(hex(randomblob(16)))), ('epoch', '1')""",
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
