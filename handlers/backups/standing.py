"""What is noted in a store of each of its snapshots: read back, compared, damaged, restored.

Notes are objects `<kind>/<snapshot>/<moment>.json`, written once and never changed. What they say
is known from a listing alone: the newest of each kind counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from handlers.backups import repository
from handlers.backups.repository import encode
from handlers.contract import JSON
from handlers.host.store_contract import Store


class Note(StrEnum):
    """What can be noted of a snapshot. Parts of keys in stores, never renamed."""

    #: It was read back whole from where it lies.
    VERIFIED = "verified"
    #: Its stored bytes are those of the commit record; no key was there to read them.
    COMPARED = "compared"
    #: Something of it could not be read back; nothing new relies on its uploads.
    DAMAGED = "damaged"
    #: A restore drill restored it.
    PROVEN = "proven"
    #: A restore drill could not restore it.
    REFUTED = "refuted"

    @property
    def prefix(self) -> str:
        """Below which all notes of this kind lie."""
        return f"{self.value}/"


@dataclass(frozen=True, slots=True)
class Standing:
    """When each kind of note was last written of one snapshot; none of them: never."""

    verified_at: datetime | None = None
    compared_at: datetime | None = None
    damaged_at: datetime | None = None
    proven_at: datetime | None = None
    refuted_at: datetime | None = None

    @property
    def is_damaged(self) -> bool:
        """Something of it could not be read back, and nobody has read it whole since."""
        since = [at for at in (self.verified_at, self.compared_at) if at is not None]
        return self.damaged_at is not None and all(at <= self.damaged_at for at in since)

    @property
    def is_verified(self) -> bool:
        """Its content was read to its end, and nothing since has said otherwise."""
        return self.verified_at is not None and not self.is_damaged

    @property
    def is_proven(self) -> bool:
        """A drill restored it, and nothing since has said otherwise."""
        if self.proven_at is None or self.is_damaged or self.is_refuted:
            return False
        return self.damaged_at is None or self.damaged_at < self.proven_at

    @property
    def is_refuted(self) -> bool:
        """A drill could not restore it, and none has since."""
        proven, refuted = self.proven_at, self.refuted_at
        return refuted is not None and (proven is None or proven <= refuted)


#: Of a snapshot that nothing is noted of.
UNKNOWN = Standing()


def standings(store: Store) -> dict[str, Standing]:
    """The standing of every snapshot of which something is noted, by its id."""
    newest = {kind: newest_notes(store, kind) for kind in Note}
    ids = {snapshot for found in newest.values() for snapshot in found}
    return {
        snapshot: Standing(
            **{f"{kind.value}_at": _moment(found.get(snapshot)) for kind, found in newest.items()}
        )
        for snapshot in ids
    }


def newest_notes(store: Store, kind: Note) -> dict[str, str]:
    """The key of the newest note of one kind, by snapshot."""
    # Keys come sorted, and end in the moment: the last one of each snapshot is its newest.
    return {key.split("/")[1]: key for key in notes(store, kind)}


def notes(store: Store, kind: Note) -> Iterator[str]:
    """The keys of all notes of one kind, by snapshot and then oldest first.

    Only of what we would have written: whatever else lies there says nothing.
    """
    for entry in store.entries(kind.prefix):
        snapshot, _, name = entry.key.removeprefix(kind.prefix).partition("/")
        if repository.is_id(snapshot) and repository.is_moment(name.removesuffix(".json")):
            yield entry.key


def note_key(kind: Note, snapshot: str, at: datetime) -> str:
    """Where a note of this moment lies."""
    return f"{kind.prefix}{snapshot}/{repository.moment(at)}.json"


def add_note(
    store: Store, kind: Note, snapshot: str, at: datetime, record: Mapping[str, JSON]
) -> None:
    """Write one note; HostFailure where the store cannot, or holds one of that second already."""
    store.put(note_key(kind, snapshot, at), encode({"format": repository.FORMAT, **record}))


def noted_at(key: str) -> datetime:
    """The moment at the end of a note's key."""
    return repository.moment_of(key.rpartition("/")[2])


def _moment(key: str | None) -> datetime | None:
    return None if key is None else noted_at(key)
