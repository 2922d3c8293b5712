"""How far Zulip's events have been taken in."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from state.columns import columns_for
from state.database import Transaction
from state.models import cursor


@dataclass(frozen=True, slots=True)
class Cursor:
    """Queue and watermark; saved by the transaction that takes in the events up to there."""

    queue_id: str | None
    last_event_id: int
    #: Newest message seen, the watermark of a catch-up.
    last_message_id: int | None
    server_generation: int | None
    zulip_version: str | None


def load(tx: Transaction) -> Cursor | None:
    """None before the first connection."""
    row = tx.execute(select(*columns_for(cursor, Cursor))).one_or_none()
    return None if row is None else Cursor(*row)


def save(tx: Transaction, position: Cursor) -> None:
    values = {name: getattr(position, name) for name in Cursor.__slots__}
    row = insert(cursor).values(only=1, **values)
    tx.execute(row.on_conflict_do_update(index_elements=["only"], set_=values))
