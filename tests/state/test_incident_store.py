"""Incidents are opened once while they last, closed once, and both are in the audit log."""

from state import audit_log, incident_store
from state.database import Transaction
from state.incident_store import Incident, NewIncident
from tests.state.sample_rows import NOW, after

BROKEN = NewIncident("audit_chain", "", "critical", "Entry 7 is missing.", {"seq": 7})


def opened(tx: Transaction, new: NewIncident = BROKEN) -> Incident:
    incident = incident_store.begin(tx, new, actor="zulip-ops", at=NOW)
    assert incident is not None
    return incident


def test_it_is_kept_as_it_began(tx: Transaction) -> None:
    incident = opened(tx)
    assert incident_store.open_incidents(tx) == [incident]
    assert (incident.sentence, incident.detail, incident.opened_at) == (
        "Entry 7 is missing.",
        {"seq": 7},
        NOW,
    )


def test_the_same_is_not_opened_twice_while_it_lasts(tx: Transaction) -> None:
    first = opened(tx)
    assert incident_store.begin(tx, BROKEN, actor="zulip-ops", at=after(9)) is None
    incident_store.close(tx, first.id, by="Iago", reason="put right", actor="chat:11", at=after(9))
    assert opened(tx).id == first.id + 1


def test_it_is_closed_once_with_a_reason(tx: Transaction) -> None:
    incident = opened(tx)

    def close() -> bool:
        return incident_store.close(
            tx, incident.id, by="Iago", reason="put right", actor="chat:11", at=after(9)
        )

    assert close()
    assert not close()
    assert incident_store.open_incidents(tx) == []
    found = incident_store.get(tx, incident.id)
    assert found is not None
    assert (found.closed_by, found.closing_reason, found.closed_at) == (
        "Iago",
        "put right",
        after(9),
    )


def test_the_audit_log_tells_of_both(tx: Transaction) -> None:
    incident = opened(tx)
    incident_store.close(tx, incident.id, by="Iago", reason="done", actor="chat:11", at=after(9))
    told = [(entry.actor, entry.action) for entry in audit_log.page(tx)]
    assert told == [("chat:11", "incident closed"), ("zulip-ops", "incident opened")]
