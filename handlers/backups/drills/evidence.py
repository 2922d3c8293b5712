"""What a drill leaves in the store: its evidence, and how it compares with that of earlier ones.

The evidence lies beside the copies, as a note `proven/` or `refuted/` of the copy, so that it is
there when the host is gone. It holds no secret and nothing that people wrote.
"""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from handlers.backups.drills.findings import Findings
from handlers.backups.repository import Snapshot
from handlers.backups.standing import Note, add_note, noted_at, notes
from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host.store_contract import Store

QUICK, COMPLETE = "quick", "complete"
#: So many earlier drills make the trend, of so many that are looked at: each is a request.
REMEMBERED, LOOKED_AT = 5, 15


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill: of what, when, how thoroughly, and what it found."""

    snapshot: Snapshot
    store: Store
    job: int
    started_at: datetime
    form: str
    findings: Findings

    @property
    def rpo_seconds(self) -> float:
        """What would be lost: from the moment that the copy shows to the beginning of the drill."""
        return max(0.0, (self.started_at - self.snapshot.created_at).total_seconds())

    def to_json(self, ended_at: datetime, why: HostFailure | None) -> dict[str, JSON]:
        """The evidence; `why` it was refuted, if it was."""
        findings = self.findings
        return {
            "snapshot": self.snapshot.id,
            "store": self.store.name,
            "job": self.job,
            "started_at": self.started_at.isoformat(),
            "ended_at": ended_at.isoformat(),
            "form": self.form,
            "outcome": (Note.PROVEN if why is None else Note.REFUTED).value,
            "why": None if why is None else why.message,
            "seconds": {phase.value: took for phase, took in findings.seconds.items()},
            "rto_seconds": findings.rto_seconds,
            "rpo_seconds": self.rpo_seconds,
            "copy_of": self.snapshot.created_at.isoformat(),
            "checked": list(findings.checked),
            "not_checked": list(findings.not_checked),
            "warnings": list(findings.warnings),
            "facts": dict(findings.facts),
        }


@dataclass(frozen=True, slots=True)
class Trend:
    """Of earlier drills of the same form in the same store that passed."""

    #: The newest first.
    rto_seconds: tuple[float, ...] = ()
    #: The median of each phase.
    seconds: Mapping[str, float] | None = None

    def to_json(self) -> dict[str, JSON]:
        return {"rto_seconds": list(self.rto_seconds), "seconds": dict(self.seconds or {})}


def write(drill: Drill, ended_at: datetime, why: HostFailure | None) -> dict[str, JSON]:
    """Note it in the store; HostFailure where that cannot be done."""
    record = drill.to_json(ended_at, why)
    kind = Note.PROVEN if why is None else Note.REFUTED
    add_note(drill.store, kind, drill.snapshot.id, ended_at, record)
    return record


def trend(store: Store, form: str) -> Trend:
    """From what earlier drills have left; what cannot be read of that is passed over."""
    earlier = [record for record in _newest(store) if record.get("form") == form][:REMEMBERED]
    rto = [took for record in earlier if isinstance(took := record.get("rto_seconds"), int | float)]
    phases = [found for record in earlier if isinstance(found := record.get("seconds"), dict)]
    return Trend(tuple(map(float, rto)), _medians(phases))


def _newest(store: Store) -> Iterator[Mapping[str, JSON]]:
    keys = sorted(notes(store, Note.PROVEN), key=noted_at, reverse=True)
    for key in keys[:LOOKED_AT]:
        with suppress(HostFailure, ValueError):
            record = json.loads(store.get(key))
            if isinstance(record, dict):
                yield record


def _medians(phases: Sequence[Mapping[str, JSON]]) -> dict[str, float]:
    names = {name for each in phases for name in each}
    found = {
        name: [float(took) for each in phases if isinstance(took := each.get(name), int | float)]
        for name in names
    }
    return {name: round(statistics.median(all_), 3) for name, all_ in found.items() if all_}
