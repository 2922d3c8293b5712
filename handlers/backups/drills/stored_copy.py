"""One copy as a drill reads it: where it lies, what it is, and the keys that open it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from handlers.backups.arrivals import Arrivals
from handlers.backups.reading.read_back import ReadBack, damaged
from handlers.backups.repository import (
    STREAMS,
    UPLOADS,
    Snapshot,
    StreamRecord,
    commit_key,
    read_snapshot,
    retired_key,
)
from handlers.backups.sealing.keys import Keys
from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Store


def _ignore(_size: int) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A snapshot in one store; each object is compared with the commit record before it is used."""

    store: Store
    snapshot: Snapshot
    keys: Keys
    #: Told how many stored bytes were read.
    report: Callable[[int], None] = _ignore
    _stop: threading.Event = field(default_factory=threading.Event)

    def stream(self, name: str) -> ReadBack:
        """One of its streams, whole."""
        return self.part(self.snapshot, name, self.snapshot.streams[name])

    def part(self, holder: Snapshot, name: str, record: StreamRecord) -> ReadBack:
        """A stream of it or of an earlier copy, or some of its objects.

        HostFailure where no key is here that opens it: that says nothing of the copy.
        """
        identities = self.keys.openers(holder.sealing, name)
        if identities == ():
            raise no_key(holder)
        return ReadBack(
            self.store,
            Arrivals.of(record),
            self.report,
            self._stop,
            identities=identities,
            compares_first=True,
        )

    def holders(self) -> Iterator[Snapshot]:
        """Every copy that holds uploads of this one, oldest first; HostFailure for one missing."""
        for snapshot_id in sorted(self.snapshot.uploads.held_by):
            if snapshot_id == self.snapshot.id:
                yield self.snapshot
                continue
            # What retention has let go stays as far as later copies need it.
            keys = commit_key(snapshot_id), retired_key(snapshot_id)
            if not any(map(self.store.exists, keys)):
                raise damaged(self.store, keys[0], "is missing")
            yield read_snapshot(self.store, snapshot_id)

    def look_at_objects(self) -> None:
        """Every object that a restore needs is there in its size; HostFailure for the first that is
        not. Only what is there can be told from what a store does not give at this moment."""
        holders = list(self.holders())
        if not any(each.id == self.snapshot.id for each in holders):
            holders.append(self.snapshot)
        for holder in holders:
            streams = STREAMS if holder.id == self.snapshot.id else (UPLOADS,)
            entries = self.store.entries(f"objects/{holder.id}/")
            sizes = {entry.key: entry.size_bytes for entry in entries}
            for each in (each for name in streams for each in holder.streams[name].objects):
                if sizes.get(each.key) != each.bytes:
                    raise damaged(self.store, each.key, "is missing or cut short")


def no_key(snapshot: Snapshot, hint: str | None = None) -> HostFailure:
    """The copy is sealed, and nothing here opens it."""
    keys = () if snapshot.sealing is None else snapshot.sealing.keys_that_last
    fitting = " and ".join(f"the {each.use.value} key `{each.id}`" for each in keys)
    return HostFailure(
        f"Copy {snapshot.id} is sealed to {fitting}, and no key that opens it is on this host.",
        reason=Reason.NOT_CONFIGURED,
        hint=hint,
    )
