"""The incidents: what somebody has to know of and to close, told once while it lasts."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from state import audit_log
from state.columns import JSON, Facts, columns_for
from state.database import Transaction
from state.models import INCIDENT_OPEN, incidents


@dataclass(frozen=True, slots=True)
class NewIncident:
    """What is known when it begins; one of a kind and subject is open at a time."""

    kind: str  # "epoch", "audit_chain" or "break_glass"
    subject: str
    severity: str  # "warning" or "critical"
    sentence: str
    detail: Facts


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is open until a person closes it."""

    id: int
    kind: str
    subject: str
    severity: str
    opened_at: datetime
    sentence: str
    detail: dict[str, JSON]
    closed_at: datetime | None
    closed_by: str | None
    closing_reason: str | None


_INCIDENT = select(*columns_for(incidents, Incident))


def begin(tx: Transaction, new: NewIncident, *, actor: str, at: datetime) -> Incident | None:
    """Open an incident; None while one of the same kind and subject is open."""
    same = (incidents.c.kind == new.kind, incidents.c.subject == new.subject)
    if tx.execute(select(incidents.c.id).where(*same, INCIDENT_OPEN)).first() is not None:
        return None
    values = {name: getattr(new, name) for name in NewIncident.__slots__}
    made = tx.execute(insert(incidents).values(**values, opened_at=at).returning(incidents.c.id))
    incident = get(tx, made.scalar_one())
    assert incident is not None
    detail: Facts = {"incident": incident.id, "kind": new.kind, "subject": new.subject}
    audit_log.append(tx, at, actor, "incident opened", detail)
    return incident


def get(tx: Transaction, incident_id: int) -> Incident | None:
    row = tx.execute(_INCIDENT.where(incidents.c.id == incident_id)).one_or_none()
    return None if row is None else Incident(*row)


def open_incidents(tx: Transaction) -> list[Incident]:
    """What nobody has closed yet, oldest first."""
    query = _INCIDENT.where(INCIDENT_OPEN).order_by(incidents.c.id)
    return [Incident(*row) for row in tx.execute(query)]


def begun_since(tx: Transaction, kind: str, since: datetime) -> list[datetime]:
    """When incidents of that kind began after that time, oldest first, closed or not."""
    query = select(incidents.c.opened_at).where(
        incidents.c.kind == kind, incidents.c.opened_at > since
    )
    return list(tx.execute(query.order_by(incidents.c.id)).scalars())


def close(
    tx: Transaction, incident_id: int, *, by: str, reason: str, actor: str, at: datetime
) -> bool:
    """Close it once; False when it is closed or never was."""
    done = tx.execute(
        update(incidents)
        .where(incidents.c.id == incident_id, INCIDENT_OPEN)
        .values(closed_at=at, closed_by=by, closing_reason=reason)
    )
    if done.rowcount != 1:
        return False
    detail: Facts = {"incident": incident_id, "reason": reason}
    audit_log.append(tx, at, actor, "incident closed", detail)
    return True
