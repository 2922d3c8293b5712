"""The rounds of checks, newest kept."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from state.columns import Facts, columns_for
from state.database import Transaction
from state.models import check_rounds


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of the observer found."""

    started_at: datetime
    ended_at: datetime
    facts: Facts


_NEWEST_FIRST = select(*columns_for(check_rounds, Round)).order_by(check_rounds.c.started_at.desc())


def record_round(tx: Transaction, found: Round) -> bool:
    """Keep a round; False when it was there already."""
    values = {name: getattr(found, name) for name in Round.__slots__}
    return tx.execute(insert(check_rounds).values(**values).on_conflict_do_nothing()).rowcount == 1


def latest(tx: Transaction) -> Round | None:
    row = tx.execute(_NEWEST_FIRST.limit(1)).one_or_none()
    return None if row is None else Round(*row)


def recent(tx: Transaction, limit: int) -> list[Round]:
    """Newest first."""
    return [Round(*row) for row in tx.execute(_NEWEST_FIRST.limit(limit))]


def prune(tx: Transaction, keep: int) -> int:
    """Remove all but the newest `keep` rounds; gives how many went."""
    oldest_kept = (
        select(check_rounds.c.started_at)
        .order_by(check_rounds.c.started_at.desc())
        .offset(keep)
        .limit(1)
        .scalar_subquery()
    )
    done = tx.execute(delete(check_rounds).where(check_rounds.c.started_at <= oldest_kept))
    return done.rowcount
