"""Holds the audit log against its own chain and against the heads kept elsewhere, once a day."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot.commands.contract import AuditSeen, KeptHead
from bot.deciding.effects import ReadAudit
from bot.deciding.outgoing import Outgoing
from bot.replies.vigilance import AuditBroken, AuditHead, AuditVerdict
from bot.vigilance import incidents
from jobs.observing.facts import Round
from state import audit_log, installation
from state.database import Transaction
from state.incident_store import NewIncident

#: Where the head is told.
TOPIC = "audit"
#: The setting with the head that was told last.
_TOLD = "audit_told"


@dataclass(frozen=True, slots=True)
class Told:
    """The head as it was told last; none was worth telling on the first day."""

    day: str
    at: str
    seq: int
    hash: str


def examine(tx: Transaction, facts: Round | None) -> AuditSeen:
    """Read the whole log in one view of the database; about 30 µs an entry."""
    head, bad = audit_log.head_hash(tx), audit_log.verify(tx)
    kept = tuple(
        KeptHead(where, at, seq, hash_, fits=seq == 0 or audit_log.hash_of(tx, seq) == hash_)
        for where, at, seq, hash_ in _kept_heads(tx, facts)
    )
    return AuditSeen(
        entries=0 if head is None else head[0],
        hash=None if head is None else head[1],
        bad=None if bad is None else bad.sentence,
        kept=kept,
    )


def _kept_heads(tx: Transaction, facts: Round | None) -> Iterator[tuple[str, str, int, str]]:
    told = _told(tx)
    if told is not None and told.seq:
        yield "told", told.at, told.seq, told.hash
    backup = _newest_backup(facts)
    if backup is not None:
        head = backup["audit_head"]
        yield "backup", str(backup["created_at"]), int(head["seq"]), str(head["hash"])


def _newest_backup(facts: Round | None) -> dict[str, Any] | None:
    """The newest copy whose record holds a head, as the observer last saw the stores."""
    fact = facts.facts.get("backups") if facts else None
    stores: Any = fact.values.get("stores") if fact else None
    copies = [
        snapshot
        for store in stores or ()
        for snapshot in store.get("snapshots", ())
        if snapshot.get("audit_head")
    ]
    return max(copies, key=lambda copy: str(copy["id"]), default=None)


def owed(tx: Transaction, now: datetime) -> tuple[ReadAudit, ...]:
    """Once a day the log is read; what a restart or a long absence costs is made up for once."""
    told = _told(tx)
    return () if told is not None and told.day == _day(now) else (ReadAudit(entry_id=None),)


def take(tx: Transaction, outgoing: Outgoing, seen: AuditSeen, now: datetime) -> None:
    """What the day's reading found: the head goes to the channel, or an incident begins."""
    told = _told(tx)
    if not seen.is_complete or (told is not None and told.day == _day(now)):
        return
    if not seen.holds:
        alarm(tx, outgoing, seen, now)
        before = told or Told("", now.isoformat(), 0, "")
        _keep(tx, Told(_day(now), before.at, before.seq, before.hash))
        return
    _keep(tx, Told(_day(now), now.isoformat(), seen.entries, seen.hash or ""))
    # On the very first day there is nothing to hold it against yet.
    if told is not None and seen.hash is not None:
        outgoing.say(tx, TOPIC, AuditHead(seen.entries, seen.hash), now)


def alarm(tx: Transaction, outgoing: Outgoing, seen: AuditSeen, now: datetime) -> None:
    """An audit log that is not what was written is an incident, told once while it is open."""
    new = NewIncident(
        kind="audit_chain",
        subject="",
        severity="critical",
        sentence=verdict(seen, outgoing.bot_name).text(),
        detail={"bad": seen.bad, "kept": [asdict(head) for head in seen.kept]},
    )
    incidents.begin(tx, outgoing, new, now)


def verdict(seen: AuditSeen, bot_name: str) -> AuditVerdict:
    is_whole = seen.bad is None and all(head.fits for head in seen.kept)
    return (AuditVerdict if is_whole else AuditBroken)(
        bot_name=bot_name,
        entries=seen.entries,
        hash=seen.hash,
        bad=seen.bad,
        kept=[asdict(head) for head in seen.kept],
    )


def _told(tx: Transaction) -> Told | None:
    stored = installation.get(tx, _TOLD)
    return None if stored is None else Told(**json.loads(stored))


def _keep(tx: Transaction, told: Told) -> None:
    installation.put(tx, _TOLD, json.dumps(asdict(told)))


def _day(now: datetime) -> str:
    return now.date().isoformat()
