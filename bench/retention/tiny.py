"""Makes copies of a few bytes in a real store: true commit records, true notes, real objects."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.backups import repository
from handlers.backups.repository import (
    CONFIGURATION,
    DATABASE,
    FORMAT,
    FORMAT_OF_A_PART,
    INDEX,
    PARTS,
    STREAMS,
    UPLOADS,
    NamedFiles,
    Snapshot,
    StoredObject,
    StreamRecord,
    UploadTotals,
)
from handlers.backups.standing import Note, add_note
from handlers.host.store_contract import Store

_FORMATS = {DATABASE: "PostgreSQL custom", UPLOADS: "GNU tar", INDEX: "JSON lines"}


@dataclass(slots=True)
class TinyCopies:
    """What one store is filled with; each copy has objects of its own and a number."""

    store: Store
    made: int = 0
    needs: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(
        self,
        at: datetime,
        needs: Iterable[str] = (),
        *,
        verified: bool = True,
        only: str | None = None,
        missing: int = 0,
    ) -> str:
        """A committed copy, or a part, that relies on the uploads of these; its id."""
        self.made += 1
        snapshot = f"{repository.moment(at)}-{self.made:08x}"
        names = STREAMS if only is None else PARTS[only]
        streams = {name: self._stream(snapshot, name) for name in names}
        held_by = dict.fromkeys((snapshot, *needs), 1) if UPLOADS in names else {}
        record = Snapshot(
            id=snapshot,
            job=self.made,
            created_at=at,
            committed_at=at + timedelta(minutes=1),
            streams=streams,
            uploads=UploadTotals(len(held_by), len(held_by), 1, 1, held_by),
            facts={},
            left_out=(),
            seconds={},
            format=FORMAT if only is None else FORMAT_OF_A_PART,
            only=only,
            named_files=NamedFiles({"attachments": 9}, missing),
        )
        data = repository.encode(repository.to_json(record))
        self.store.put(repository.commit_key(snapshot), data)
        self.needs[snapshot] = frozenset(needs)
        if verified:
            self.note(Note.VERIFIED, snapshot, at + timedelta(minutes=2))
        return snapshot

    def add_proven(self, at: datetime, needs: Iterable[str] = ()) -> str:
        """The same, restored by a drill right after."""
        snapshot = self.add(at, needs)
        self.note(Note.PROVEN, snapshot, at + timedelta(minutes=3))
        return snapshot

    def add_garbage(self, at: datetime) -> str:
        """Objects of a backup that was never committed."""
        self.made += 1
        snapshot = f"{repository.moment(at)}-{self.made:08x}"
        for name in (DATABASE, CONFIGURATION, UPLOADS):
            self._stream(snapshot, name)
        return snapshot

    def note(self, kind: Note, snapshot: str, at: datetime) -> None:
        add_note(self.store, kind, snapshot, at, {})

    def spoil_record(self, snapshot: str) -> None:
        """Its commit record is no JSON any more."""
        key = repository.commit_key(snapshot)
        data = self.store.get(key)
        self.store.delete(key)
        self.store.put(key, data[: len(data) // 2])

    def lose(self, snapshot: str, stream: str = DATABASE) -> None:
        """One object of it is gone."""
        self.store.delete(repository.object_key(snapshot, stream, 1))

    def _stream(self, snapshot: str, name: str) -> StreamRecord:
        key = repository.object_key(snapshot, name, 1)
        data = f"{name} of {snapshot}".encode()
        self.store.put(key, data)
        stored = StoredObject(key, len(data), hashlib.sha256(data).hexdigest())
        sha256 = None if name == UPLOADS else stored.sha256
        return StreamRecord(_FORMATS.get(name, "GNU tar"), (stored,), len(data), sha256)
