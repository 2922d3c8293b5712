"""The newest messages as Zulip told of them, so that its numbering is known again after a gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from state.columns import columns_for
from state.database import Transaction
from state.models import seen_messages

#: Enough that not all of them are deleted by people, and few enough to look at.
KEPT = 50


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """What never changes about a message, whoever edits or moves it."""

    message_id: int
    sender_id: int
    sent_at: datetime


def remember(tx: Transaction, messages: Sequence[SeenMessage]) -> None:
    """Keep these and forget the oldest beyond `KEPT`."""
    if not messages:
        return
    for one in messages[-KEPT:]:
        row = insert(seen_messages).values(
            message_id=one.message_id, sender_id=one.sender_id, sent_at=one.sent_at
        )
        tx.execute(row.on_conflict_do_nothing(index_elements=["message_id"]))
    beyond = (
        select(seen_messages.c.message_id)
        .order_by(seen_messages.c.message_id.desc())
        .limit(-1)
        .offset(KEPT)
    )
    tx.execute(delete(seen_messages).where(seen_messages.c.message_id.in_(beyond)))


def newest(tx: Transaction, limit: int = KEPT) -> list[SeenMessage]:
    """Newest first."""
    query = select(*columns_for(seen_messages, SeenMessage))
    ordered = query.order_by(seen_messages.c.message_id.desc()).limit(limit)
    return [SeenMessage(*row) for row in tx.execute(ordered)]


def forget(tx: Transaction, message_ids: Sequence[int]) -> None:
    """People deleted these."""
    tx.execute(delete(seen_messages).where(seen_messages.c.message_id.in_(message_ids)))
