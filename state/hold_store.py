"""Holds: until when nothing disruptive starts, why, and on whose word."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text, update

from state import audit_log
from state.columns import Facts, columns_for
from state.database import Transaction
from state.models import HOLD_OPEN, holds


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody's word that the server be left alone for a while."""

    id: int
    why: str
    asker_id: int | None
    asker_name: str
    began_at: datetime
    until: datetime
    ended_at: datetime | None
    #: Who ended it; None: its time had come.
    ended_by: str | None


_HOLD = select(*columns_for(holds, Hold))


@dataclass(frozen=True, slots=True)
class NewHold:
    """A hold as somebody asked for it."""

    why: str
    asker_id: int | None
    asker_name: str
    until: datetime


def begin(tx: Transaction, new: NewHold, *, actor: str, at: datetime) -> Hold:
    values = {name: getattr(new, name) for name in NewHold.__slots__}
    number = tx.execute(insert(holds).values(**values, began_at=at).returning(holds.c.id)).scalar()
    assert number is not None
    detail: Facts = {"hold": number, "until": new.until.isoformat(), "why": new.why}
    audit_log.append(tx, at, actor, "hold begun", detail)
    found = get(tx, number)
    assert found is not None
    return found


def get(tx: Transaction, number: int) -> Hold | None:
    row = tx.execute(_HOLD.where(holds.c.id == number)).one_or_none()
    return None if row is None else Hold(*row)


def open_holds(tx: Transaction) -> list[Hold]:
    """Those that have not been ended, the first to end first; their time may have come."""
    query = _HOLD.where(text(HOLD_OPEN.text)).order_by(holds.c.until, holds.c.id)
    return [Hold(*row) for row in tx.execute(query)]


def end(tx: Transaction, number: int, by: str | None, *, actor: str, at: datetime) -> bool:
    """False when it is over already, or was never there."""
    done = tx.execute(
        update(holds)
        .where(holds.c.id == number, holds.c.ended_at.is_(None))
        .values(ended_at=at, ended_by=by)
    )
    if done.rowcount == 1:
        audit_log.append(tx, at, actor, "hold ended", {"hold": number})
    return done.rowcount == 1
