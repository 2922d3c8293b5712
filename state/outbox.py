"""What is to be said in Zulip: kept until it is sent, in order within each lane."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, or_, select, update

from state.columns import JSON, Facts, columns_for
from state.database import Transaction
from state.installation import present_epoch
from state.models import OUTBOX_PENDING, approval_requests, jobs, outbox

#: Actions that make a new message, whose id is then remembered on the job.
MAKES_MESSAGE = frozenset({"post", "upload"})
#: Actions on a message that is there; repeating these is harmless.
REACTIONS = frozenset({"react", "unreact"})
#: What the id of a sent message is remembered as.
ROLE_COLUMNS = {
    "card": jobs.c.card_message_id,
    "status": jobs.c.status_message_id,
    "end": jobs.c.end_message_id,
}


@dataclass(frozen=True, slots=True)
class NewRow:
    """Something to say: `kind` and `facts` become words when it is sent."""

    #: Rows of one lane are sent strictly in order.
    lane: str
    action: str  # "post", "edit", "react", "unreact", "resolve" or "upload"
    target: Facts
    kind: str
    facts: Facts
    priority: int  # 0 acknowledgement, 1 approvals, 2 replies, 3 progress
    created_at: datetime
    job_id: int | None = None
    role: str | None = None  # "card", "status" or "end"
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Something to say, and how far it got."""

    id: int
    epoch: int
    lane: str
    action: str
    target: dict[str, JSON]
    kind: str
    facts: dict[str, JSON]
    priority: int
    status: str  # "new", "sending", "sent" or "dropped"
    job_id: int | None
    role: str | None
    created_at: datetime
    not_before: datetime | None
    attempts: int
    #: When the newest attempt began.
    tried_at: datetime | None
    sent_at: datetime | None
    message_id: int | None
    reason: str | None


_ROW = select(*columns_for(outbox, Row))
#: Made once: statements that are put together anew for each message cost more than their rows.
_ADD = (
    insert(outbox)
    .values(
        {name: bindparam(f"new_{name}") for name in NewRow.__slots__}
        | {"epoch": present_epoch(), "status": "new", "attempts": 0}
    )
    .returning(outbox.c.id)
)


def add(tx: Transaction, new: NewRow) -> int:
    """Put something into the outbox; gives its id."""
    values = {f"new_{name}": getattr(new, name) for name in NewRow.__slots__}
    added: int = tx.execute(_ADD, values).scalar_one()
    return added


def add_or_replace(tx: Transaction, new: NewRow) -> int:
    """Like `add`, but newer facts take the place of those that were not sent yet.

    Replaced is the facts of the newest row of the same job, role and kind in the same lane, as
    long as its sending has not begun; it keeps place, action and target, and goes when the first
    of the two would have gone. Gives that row's id.
    """
    waiting = (
        select(outbox.c.id, outbox.c.not_before)
        .where(
            outbox.c.job_id == new.job_id,
            outbox.c.role == new.role,
            outbox.c.kind == new.kind,
            outbox.c.lane == new.lane,
            outbox.c.status == "new",
            OUTBOX_PENDING,
        )
        .order_by(outbox.c.id.desc())
        .limit(1)
    )
    found = tx.execute(waiting).one_or_none()
    if found is None:
        return add(tx, new)
    times = [time for time in (found.not_before, new.not_before) if time is not None]
    tx.execute(
        update(outbox)
        .where(outbox.c.id == found.id)
        .values(facts=new.facts, not_before=min(times) if len(times) == 2 else None)
    )
    row_id: int = found.id
    return row_id


def pending_in_lane(tx: Transaction, lane: str) -> list[Row]:
    """What of a lane is not sent yet, in order."""
    rows = tx.execute(_ROW.where(outbox.c.lane == lane, OUTBOX_PENDING).order_by(outbox.c.id))
    return [Row(*row) for row in rows]


def change_waiting(tx: Transaction, row_id: int, facts: Facts, not_before: datetime) -> bool:
    """Newer facts for a row whose sending has not begun; False when it has."""
    done = tx.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.status == "new", OUTBOX_PENDING)
        .values(facts=facts, not_before=not_before)
    )
    return done.rowcount == 1


def get(tx: Transaction, row_id: int) -> Row | None:
    row = tx.execute(_ROW.where(outbox.c.id == row_id)).one_or_none()
    return None if row is None else Row(*row)


def _ready() -> Select[Any]:
    heads = (
        select(func.min(outbox.c.id).label("head"), func.min(outbox.c.priority).label("urgency"))
        .where(OUTBOX_PENDING)
        .group_by(outbox.c.lane)
        .subquery()
    )
    may_go = or_(outbox.c.not_before.is_(None), outbox.c.not_before <= bindparam("now"))
    return (
        _ROW.join(heads, heads.c.head == outbox.c.id)
        .where(outbox.c.status == "new", may_go)
        .order_by(heads.c.urgency, outbox.c.id)
        .limit(bindparam("most"))
    )


_READY = {
    None: _ready(),
    True: _ready().where(outbox.c.action.in_(REACTIONS)),
    False: _ready().where(outbox.c.action.not_in(REACTIONS)),
}


def next_ready(
    tx: Transaction, now: datetime, limit: int = 10, *, reactions: bool | None = None
) -> list[Row]:
    """The heads of their lanes that may be sent now, most urgent first, then oldest; of them only
    reactions, or only what is none, if that is asked.

    A lane is as urgent as the most urgent row that waits in it: progress in front of an approval
    goes as early as the approval should. A lane with a row in sending yields nothing.
    """
    rows = tx.execute(_READY[reactions], {"now": now, "most": limit})
    return [Row(*row) for row in rows]


def mark_sending(tx: Transaction, row_id: int, at: datetime) -> bool:
    """Committed before the request goes out, so that a restart knows what may have been sent."""
    done = tx.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.status == "new")
        .values(status="sending", attempts=outbox.c.attempts + 1, tried_at=at)
    )
    return done.rowcount == 1


def mark_sent(tx: Transaction, row_id: int, message_id: int | None, at: datetime) -> bool:
    """It is in Zulip; the id of a new message is remembered on its job by role.

    False unless the row was in sending. The first message of a job becomes its anchor, a card's id
    also goes to the request for consent.
    """
    done = tx.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.status == "sending")
        .values(status="sent", message_id=message_id, sent_at=at)
        .returning(outbox.c.action, outbox.c.job_id, outbox.c.role)
    ).one_or_none()
    if done is None:
        return False
    if message_id is not None and done.job_id is not None and done.action in MAKES_MESSAGE:
        _remember_on_job(tx, done.job_id, done.role, message_id)
    return True


def _remember_on_job(tx: Transaction, job_id: int, role: str | None, message_id: int) -> None:
    values = {"anchor_message_id": func.coalesce(jobs.c.anchor_message_id, message_id)}
    column = ROLE_COLUMNS.get(role or "")
    known = {} if column is None else {column.name: message_id}
    tx.execute(update(jobs).where(jobs.c.id == job_id).values(**values, **known))
    if role == "card":
        tx.execute(
            update(approval_requests)
            .where(approval_requests.c.job_id == job_id, approval_requests.c.status == "open")
            .values(message_id=message_id)
        )


def retry_later(tx: Transaction, row_id: int, not_before: datetime) -> bool:
    """It was surely not sent: try again from that time on; its lane waits for it."""
    done = tx.execute(
        update(outbox)
        .where(outbox.c.id == row_id, OUTBOX_PENDING)
        .values(status="new", not_before=not_before)
    )
    return done.rowcount == 1


def drop(tx: Transaction, row_id: int, reason: str) -> bool:
    """Give up on it, so that its lane goes on."""
    done = tx.execute(
        update(outbox)
        .where(outbox.c.id == row_id, OUTBOX_PENDING)
        .values(status="dropped", reason=reason)
    )
    return done.rowcount == 1


def interrupted_sends(tx: Transaction) -> list[Row]:
    """After a restart: rows of which nobody knows whether they were sent."""
    # Sorted here: asked to sort, SQLite would rather walk through all that was ever sent.
    rows = tx.execute(_ROW.where(outbox.c.status == "sending", OUTBOX_PENDING))
    return sorted((Row(*row) for row in rows), key=lambda row: row.id)


def sent_message_id(tx: Transaction, row_id: int) -> int | None:
    """The message that a row became; None when it is not sent (yet)."""
    found: int | None = tx.execute(
        select(outbox.c.message_id).where(outbox.c.id == row_id, outbox.c.status == "sent")
    ).scalar_one_or_none()
    return found


def has_rows_of_job(tx: Transaction, job_id: int) -> bool:
    """Whether anything was to be said in the job's topic in the present epoch."""
    query = select(outbox.c.id).where(
        outbox.c.job_id == job_id,
        outbox.c.epoch == present_epoch(),
        outbox.c.action.in_(MAKES_MESSAGE),
    )
    return tx.execute(query.limit(1)).first() is not None


def is_own_message(tx: Transaction, message_id: int) -> bool:
    """Whether a message of the present epoch was made from the outbox."""
    query = select(outbox.c.id).where(
        outbox.c.message_id == message_id,
        outbox.c.epoch == present_epoch(),
        outbox.c.action.in_(MAKES_MESSAGE),
    )
    return tx.execute(query.limit(1)).first() is not None


def has_sent(tx: Transaction, message_id: int, since: datetime) -> bool:
    """Whether the message is ours, whatever made it: also a status message that took over, and one
    that was sent after `since`, just before anybody noticed that an epoch had ended."""
    query = select(outbox.c.id).where(
        outbox.c.message_id == message_id,
        or_(outbox.c.epoch == present_epoch(), outbox.c.sent_at >= since),
    )
    return tx.execute(query.limit(1)).first() is not None


def last_sent_in_lane(tx: Transaction, lane: str) -> int | None:
    """The newest message made in a lane in the present epoch."""
    query = (
        select(outbox.c.message_id)
        .where(
            outbox.c.lane == lane,
            outbox.c.message_id.is_not(None),
            outbox.c.epoch == present_epoch(),
            outbox.c.action.in_(MAKES_MESSAGE),
        )
        .order_by(outbox.c.id.desc())
        .limit(1)
    )
    found: int | None = tx.execute(query).scalar_one_or_none()
    return found


def count_pending(tx: Transaction) -> int:
    """How many rows wait to be sent."""
    count: int = tx.execute(
        select(func.count()).select_from(outbox).where(OUTBOX_PENDING)
    ).scalar_one()
    return count


def count_attempted(tx: Transaction) -> int:
    """How many messages are sent, or may have been."""
    query = select(func.count()).select_from(outbox)
    count: int = tx.execute(
        query.where(outbox.c.action.in_(MAKES_MESSAGE), outbox.c.attempts > 0)
    ).scalar_one()
    return count
