"""Commands as they arrived, each taken in once whatever is delivered twice."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from state.columns import columns_for
from state.database import Transaction
from state.models import INBOX_OPEN, inbox


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is known on arrival."""

    origin: str  # "chat", "schedule" or "host"
    #: What makes it the same: "chat/<epoch>/<message id>", "schedule/<name>/<due>", "host/<uuid>".
    source_key: str
    epoch: int
    message_id: int | None
    sender_id: int | None
    sender_name: str
    content: str
    content_sha256: str
    channel_id: int | None
    topic: str | None
    direct: bool
    client: str
    sent_at: datetime
    received_at: datetime
    #: Why it is not carried out, if that is known on arrival; said once the sender is known.
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, and what became of it."""

    id: int
    origin: str
    source_key: str
    epoch: int
    message_id: int | None
    sender_id: int | None
    sender_name: str
    content: str
    content_sha256: str
    channel_id: int | None
    topic: str | None
    direct: bool
    client: str
    sent_at: datetime
    received_at: datetime
    refusal: str | None
    status: str  # "received" or "answered"
    reason: str | None
    job_id: int | None
    answered_at: datetime | None


_ENTRY = select(*columns_for(inbox, Entry))
#: Made once: statements that are put together anew for each command cost more than their rows.
_ADD = (
    insert(inbox)
    .on_conflict_do_nothing(index_elements=["source_key"])
    .returning(*columns_for(inbox, Entry))
)
_GET = _ENTRY.where(inbox.c.id == bindparam("entry_id"))
_OPEN = _ENTRY.where(INBOX_OPEN).order_by(inbox.c.id)
_ANSWER = (
    update(inbox)
    .where(inbox.c.id == bindparam("entry_id"), inbox.c.status == "received")
    .values(
        status="answered",
        reason=bindparam("with_reason"),
        job_id=bindparam("made_job"),
        answered_at=bindparam("at"),
    )
)


def add(tx: Transaction, new: NewEntry) -> Entry | None:
    """Take a command in; None when its source key was there before."""
    values = {name: getattr(new, name) for name in NewEntry.__slots__}
    row = tx.execute(_ADD, values | {"status": "received"}).one_or_none()
    return None if row is None else Entry(*row)


def refuse(tx: Transaction, entry_id: int, refusal: str) -> Entry | None:
    """Note why an entry is not going to be carried out; gives it as it is then."""
    tx.execute(update(inbox).where(inbox.c.id == entry_id).values(refusal=refusal))
    return get(tx, entry_id)


def get(tx: Transaction, entry_id: int) -> Entry | None:
    row = tx.execute(_GET, {"entry_id": entry_id}).one_or_none()
    return None if row is None else Entry(*row)


def by_message(tx: Transaction, epoch: int, message_id: int) -> Entry | None:
    """The command that a message was."""
    row = tx.execute(
        _ENTRY.where(inbox.c.message_id == message_id, inbox.c.epoch == epoch)
    ).one_or_none()
    return None if row is None else Entry(*row)


def newest_by_message(tx: Transaction, message_id: int) -> Entry | None:
    """The command that a message was, in the newest epoch in which one had that number."""
    query = _ENTRY.where(inbox.c.message_id == message_id).order_by(inbox.c.epoch.desc())
    row = tx.execute(query.limit(1)).one_or_none()
    return None if row is None else Entry(*row)


def by_source(tx: Transaction, source_key: str) -> Entry | None:
    """The command that came from there."""
    row = tx.execute(_ENTRY.where(inbox.c.source_key == source_key)).one_or_none()
    return None if row is None else Entry(*row)


def open_entries(tx: Transaction) -> list[Entry]:
    """What was received and not answered yet, oldest first."""
    return [Entry(*row) for row in tx.execute(_OPEN)]


def answer(
    tx: Transaction, entry_id: int, reason: str | None, job_id: int | None, at: datetime
) -> bool:
    """Settle an entry once; False when it was answered before or never was."""
    values = {"entry_id": entry_id, "with_reason": reason, "made_job": job_id, "at": at}
    done = tx.execute(_ANSWER, values)
    return done.rowcount == 1
