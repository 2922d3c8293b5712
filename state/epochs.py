"""What becomes of everything that hangs on message ids when those begin again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from state import audit_log, installation
from state.anchors import Anchor
from state.anchors import get as anchor_of
from state.columns import JSON
from state.database import Transaction
from state.job_store import get as job_of
from state.models import (
    INBOX_OPEN,
    OUTBOX_PENDING,
    anchors,
    approval_requests,
    inbox,
    jobs,
    outbox,
    questions,
    seen_messages,
)

#: Why a row of the outbox is given up.
GONE = "the message that it is about belongs to an earlier epoch"


@dataclass(frozen=True, slots=True)
class Begun:
    """A new epoch, and what it cost."""

    number: int
    #: Commands that were received and can no longer be answered where they stood.
    commands: tuple[str, ...]
    #: Messages that waited to be sent and are not any more.
    dropped: int


def begin(tx: Transaction, *, same_server: bool, reason: str, actor: str, at: datetime) -> Begun:
    """Zulip's ids mean other messages from here on: void or re-address whatever names an old one.

    Closes every request for consent, every question and every open command, forgets anchors and
    seen messages; what was to be said is re-addressed by topic where that can be known. Jobs keep
    their status: whoever calls moves those that waited.
    """
    number = installation.epoch(tx) + 1
    installation.put(tx, installation.EPOCH, str(number))
    dropped = _readdress(tx, number, same_server=same_server)
    commands = _close_commands(tx, at)
    tx.execute(
        update(approval_requests)
        .where(approval_requests.c.status.in_(("open", "latched")))
        .values(status="closed", decided_at=at)
    )
    tx.execute(update(questions).where(questions.c.status == "open").values(status="superseded"))
    tx.execute(
        update(jobs)
        .where(jobs.c.ended_at.is_(None))
        .values(
            anchor_message_id=None,
            card_message_id=None,
            status_message_id=None,
            end_message_id=None,
        )
    )
    tx.execute(delete(anchors))
    tx.execute(delete(seen_messages))
    audit_log.append(tx, at, actor, "epoch begun", {"epoch": number, "reason": reason})
    return Begun(number, commands, dropped)


def _close_commands(tx: Transaction, at: datetime) -> tuple[str, ...]:
    """Their messages are gone, so nobody can be answered there; schedules are not touched."""
    from_chat = (INBOX_OPEN, inbox.c.origin == "chat")
    lost = tx.execute(select(inbox.c.content).where(*from_chat).order_by(inbox.c.id)).scalars()
    commands = tuple(lost)
    tx.execute(
        update(inbox)
        .where(*from_chat)
        .values(status="answered", reason="epoch_changed", answered_at=at)
    )
    return commands


def _readdress(tx: Transaction, number: int, *, same_server: bool) -> int:
    """How many rows were dropped."""
    dropped = 0
    columns = (outbox.c.id, outbox.c.action, outbox.c.role, outbox.c.target)
    for row_id, action, role, target in tx.execute(select(*columns).where(OUTBOX_PENDING)).all():
        found = _new_target(tx, target) if _still_makes_sense(action, role) else None
        if found is None or not same_server:
            values: dict[str, JSON] = {"status": "dropped", "reason": GONE}
            dropped += 1
        else:
            values = {"target": found, "epoch": number}
        tx.execute(update(outbox).where(outbox.c.id == row_id).values(**values))
    return dropped


def _still_makes_sense(action: str, role: str | None) -> bool:
    """Reactions and edits are about an old message, and a card asks for consent that is void."""
    return action in {"post", "upload"} and role != "card"


def _new_target(tx: Transaction, target: dict[str, JSON]) -> dict[str, JSON] | None:
    match target["type"]:
        case "topic" | "direct":
            return target
        case "anchor":
            return _topic_of(anchor_of(tx, int(str(target["message_id"]))))
        case "job":
            job = job_of(tx, int(str(target["job_id"])))
            if job is None or job.anchor_message_id is None:
                # The row that opens its topic waits in front of this one.
                return target
            return _topic_of(anchor_of(tx, job.anchor_message_id))
    return None


def _topic_of(anchor: Anchor | None) -> dict[str, JSON] | None:
    if anchor is None:
        return None
    return {"type": "topic", "channel_id": anchor.channel_id, "topic": anchor.topic}
