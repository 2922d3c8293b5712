"""Where messages lie now: topics are renamed, and the message ids stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from state.columns import columns_for
from state.database import Transaction
from state.models import anchors


@dataclass(frozen=True, slots=True)
class Anchor:
    """A message of which the place matters."""

    message_id: int
    channel_id: int
    topic: str
    known_at: datetime
    #: False after a gap in the events: read the message before relying on its place.
    sure: bool


def remember(tx: Transaction, message_id: int, channel_id: int, topic: str, at: datetime) -> None:
    """The message was seen there at that time."""
    place = {"channel_id": channel_id, "topic": topic, "known_at": at, "sure": True}
    row = insert(anchors).values(message_id=message_id, **place)
    tx.execute(row.on_conflict_do_update(index_elements=["message_id"], set_=place))


def get(tx: Transaction, message_id: int) -> Anchor | None:
    row = tx.execute(
        select(*columns_for(anchors, Anchor)).where(anchors.c.message_id == message_id)
    ).one_or_none()
    return None if row is None else Anchor(*row)


def move(
    tx: Transaction, message_ids: Sequence[int], channel_id: int, topic: str, at: datetime
) -> int:
    """Messages were moved there; ids that are no anchors are passed over. Gives how many are."""
    moved = 0
    # SQLite takes a limited number of values in one statement; a big topic has more messages.
    for start in range(0, len(message_ids), 500):
        some = message_ids[start : start + 500]
        done = tx.execute(
            update(anchors)
            .where(anchors.c.message_id.in_(some))
            .values(channel_id=channel_id, topic=topic, known_at=at, sure=True)
        )
        moved += done.rowcount
    return moved


def see(tx: Transaction, message_id: int, channel_id: int, topic: str, looked_at: datetime) -> bool:
    """An anchor was read there, by a look that began at that time; what was heard of its place
    since then is newer and stays. True when that is news."""
    known = get(tx, message_id)
    if known is None or known.known_at >= looked_at:
        return False
    remember(tx, message_id, channel_id, topic, looked_at)
    return (known.channel_id, known.topic) != (channel_id, topic)


def doubt_all(tx: Transaction) -> None:
    """Events were missed: any of them may have moved."""
    tx.execute(update(anchors).where(anchors.c.sure.is_(True)).values(sure=False))
