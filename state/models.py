"""The tables, their indexes and the triggers that keep the audit log append-only."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from state.columns import JsonText, UtcDateTime, Words, YesNo

metadata = MetaData()

#: SQLite uses a partial index only where a query repeats its condition with literals.
INBOX_OPEN = text("status = 'received'")
RUN_OPEN = text("status IN ('intended', 'started')")
RUN_LOST = text("status = 'lost'")
HOLD_OPEN = text("ended_at IS NULL")
OUTBOX_PENDING = text("status IN ('new', 'sending')")
INCIDENT_OPEN = text("closed_at IS NULL")


def _table(name: str, *parts: Column[Any] | CheckConstraint | UniqueConstraint) -> Table:
    # Numbers that people have seen are never given out again: AUTOINCREMENT where there is an id.
    counted = any(isinstance(part, Column) and part.name == "id" for part in parts)
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_autoincrement=counted)


settings = _table(
    "settings",
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

cursor = _table(
    "cursor",
    Column("only", Integer, primary_key=True),
    Column("queue_id", Text),
    Column("last_event_id", Integer, nullable=False),
    Column("last_message_id", Integer),
    Column("server_generation", Integer),
    Column("zulip_version", Text),
    CheckConstraint("only = 1", name="cursor_is_one_row"),
)

inbox = _table(
    "inbox",
    Column("id", Integer, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("source_key", Text, nullable=False, unique=True),
    Column("epoch", Integer, nullable=False),
    Column("message_id", Integer),
    Column("sender_id", Integer),
    Column("sender_name", Words, nullable=False),
    Column("content", Words, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("channel_id", Integer),
    Column("topic", Words),
    Column("direct", YesNo, nullable=False),
    Column("client", Words, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("refusal", Words),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("job_id", Integer),
    Column("answered_at", UtcDateTime),
)
Index("inbox_open", inbox.c.id, sqlite_where=INBOX_OPEN)
Index("inbox_by_message", inbox.c.message_id, sqlite_where=inbox.c.message_id.is_not(None))

jobs = _table(
    "jobs",
    Column("id", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("operation", Text, nullable=False),
    Column("arguments", JsonText, nullable=False),
    Column("command", Words, nullable=False),
    Column("effect", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("cancelling", YesNo, nullable=False),
    Column("cancelled_by", Words),
    Column("origin", Text, nullable=False),
    Column("asker_id", Integer),
    Column("asker_name", Words, nullable=False),
    Column("command_message_id", Integer),
    Column("command_sha256", Text),
    Column("inbox_id", Integer, ForeignKey("inbox.id")),
    Column("consent", Text, nullable=False),
    Column("nonce", Text, nullable=False, unique=True),
    Column("expires_at", UtcDateTime),
    Column("fingerprint", Text),
    Column("plan", JsonText),
    Column("reason", Text),
    Column("sentence", Words),
    Column("outcome", JsonText),
    Column("caught_up", YesNo, nullable=False),
    Column("anchor_message_id", Integer),
    Column("card_message_id", Integer),
    Column("status_message_id", Integer),
    Column("end_message_id", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("queued_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
)
# SQLite appends the row's id to every index, so each of these also yields newest first.
Index("jobs_by_status", jobs.c.status)
Index("jobs_by_operation", jobs.c.operation)
Index("jobs_by_operation_and_status", jobs.c.operation, jobs.c.status)
Index("jobs_by_asker", jobs.c.asker_id)
Index("jobs_by_asker_and_status", jobs.c.asker_id, jobs.c.status)
Index("jobs_by_asker_and_operation", jobs.c.asker_id, jobs.c.operation)
Index("jobs_by_all_three", jobs.c.asker_id, jobs.c.operation, jobs.c.status)
Index("jobs_not_ended", jobs.c.id, sqlite_where=jobs.c.ended_at.is_(None))

runs = _table(
    "runs",
    Column("job_id", Integer, ForeignKey("jobs.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("folder", Text),
    Column("intended_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("result", JsonText),
    Column("journal_offset", Integer, nullable=False),
)
# Also the fence: a job never has two runs under way.
Index("runs_by_folder", runs.c.folder, sqlite_where=runs.c.folder.is_not(None))
Index("runs_open", runs.c.job_id, unique=True, sqlite_where=RUN_OPEN)
Index("runs_lost", runs.c.ended_at, sqlite_where=RUN_LOST)

approval_requests = _table(
    "approval_requests",
    Column("job_id", Integer, ForeignKey("jobs.id"), primary_key=True),
    Column("message_id", Integer),
    Column("fingerprint", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asker_id", Integer),
    Column("approvers", JsonText, nullable=False),
    Column("self_counts", YesNo, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("arming_seconds", Integer, nullable=False),
    Column("armed_until", UtcDateTime),
    Column("policy_sha256", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("votes", JsonText, nullable=False),
    Column("spoken", JsonText, nullable=False),
    Column("told", JsonText, nullable=False),
    Column("decided_at", UtcDateTime),
)
Index("approval_requests_by_message", approval_requests.c.message_id)
Index("approval_requests_by_status", approval_requests.c.status)

questions = _table(
    "questions",
    Column("id", Integer, primary_key=True),
    Column("job_id", Integer, ForeignKey("jobs.id")),
    Column("message_id", Integer),
    Column("people", JsonText, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    Column("answered_at", UtcDateTime),
)
Index("questions_by_status", questions.c.status)
Index("questions_by_subject", questions.c.job_id, questions.c.message_id, questions.c.purpose)

outbox = _table(
    "outbox",
    Column("id", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("lane", Words, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", JsonText, nullable=False),
    Column("kind", Text, nullable=False),
    Column("facts", JsonText, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("job_id", Integer, ForeignKey("jobs.id")),
    Column("role", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("tried_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("message_id", Integer),
    Column("reason", Text),
)
Index("outbox_pending", outbox.c.lane, outbox.c.id, outbox.c.priority, sqlite_where=OUTBOX_PENDING)
Index("outbox_by_lane", outbox.c.lane, sqlite_where=outbox.c.message_id.is_not(None))
Index("outbox_by_message", outbox.c.message_id, sqlite_where=outbox.c.message_id.is_not(None))
Index("outbox_by_job", outbox.c.job_id, sqlite_where=outbox.c.job_id.is_not(None))

anchors = _table(
    "anchors",
    Column("message_id", Integer, primary_key=True, autoincrement=False),
    Column("channel_id", Integer, nullable=False),
    Column("topic", Words, nullable=False),
    Column("known_at", UtcDateTime, nullable=False),
    Column("sure", YesNo, nullable=False),
)

# What Zulip said of the newest messages, by which its numbering is known again.
seen_messages = _table(
    "seen_messages",
    Column("message_id", Integer, primary_key=True, autoincrement=False),
    Column("sender_id", Integer, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
)

incidents = _table(
    "incidents",
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Words, nullable=False),
    Column("severity", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("sentence", Words, nullable=False),
    Column("detail", JsonText, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", Words),
    Column("closing_reason", Words),
)
Index(
    "incidents_open",
    incidents.c.kind,
    incidents.c.subject,
    unique=True,
    sqlite_where=INCIDENT_OPEN,
)

schedules = _table(
    "schedules",
    Column("name", Text, primary_key=True),
    Column("command", Words, nullable=False),
    Column("cron", Text, nullable=False),
    Column("tz", Text, nullable=False),
    Column("catch_up", Text, nullable=False),
    Column("grace_minutes", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("paused", YesNo, nullable=False),
    Column("last_due_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    # How it was consented to; root's file needs none of it.
    Column("effect", Text),
    Column("asker_id", Integer),
    Column("asker_name", Words),
    Column("agreed_by", JsonText, nullable=False),
    Column("job_id", Integer, ForeignKey("jobs.id")),
    Column("fingerprint", Text),
    Column("epoch", Integer),
    Column("policy_sha256", Text),
    Column("suspended", Words),
)

# No foreign key: what ran stays known after its schedule is gone.
schedule_runs = _table(
    "schedule_runs",
    Column("schedule", Text, primary_key=True),
    Column("due_at", UtcDateTime, primary_key=True),
    Column("enqueued_at", UtcDateTime, nullable=False),
    Column("caught_up", YesNo, nullable=False),
)

holds = _table(
    "holds",
    Column("id", Integer, primary_key=True),
    Column("why", Words, nullable=False),
    Column("asker_id", Integer),
    Column("asker_name", Words, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ended_by", Words),
)
Index("holds_open", holds.c.until, sqlite_where=HOLD_OPEN)

check_rounds = _table(
    "check_rounds",
    Column("started_at", UtcDateTime, primary_key=True),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("facts", JsonText, nullable=False),
)

audit_entries = _table(
    "audit_entries",
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Words, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", JsonText, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
)

# INSERT OR REPLACE runs the DELETE trigger only with recursive_triggers=ON, which a foreign
# connection need not have set: so the INSERT trigger takes nothing but the next link.
TRIGGERS = (
    """CREATE TRIGGER audit_entries_never_change BEFORE UPDATE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END""",
    """CREATE TRIGGER audit_entries_never_vanish BEFORE DELETE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END""",
    """CREATE TRIGGER audit_entries_form_a_chain BEFORE INSERT ON audit_entries
    WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_entries)
    OR NEW.previous_hash IS NOT COALESCE(
        (SELECT hash FROM audit_entries ORDER BY seq DESC LIMIT 1), printf('%064d', 0))
    BEGIN SELECT RAISE(ABORT, 'an audit entry must follow the last one'); END""",
)


@event.listens_for(audit_entries, "after_create")
def _add_triggers(_table: Table, connection: Connection, **_: object) -> None:
    for trigger in TRIGGERS:
        connection.exec_driver_sql(trigger)
