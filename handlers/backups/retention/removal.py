"""Takes one snapshot out of a store, so that a crash between any two steps leaves nothing half.

A copy is retired in this order. Until the second step it is a copy, whole; after it, it is none,
and what is left of it says what it is. Each step may be done again by whoever finds it half done.

1. `retired/<id>.json`, the commit record once more, is written.
2. The commit record is deleted: from here on it is no copy.
3. The objects that no other snapshot can need are deleted: database and configuration.

What is retired is cleared once no copy needs its uploads: first those, then the record in
`retired/`, then its notes, the mark on it last.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from handlers.backups import repository
from handlers.backups.repository import commit_key, retired_key
from handlers.backups.retention import marks
from handlers.backups.retention.lease import Lease
from handlers.backups.retention.survey import is_for_others
from handlers.backups.standing import Note
from handlers.errors import HostFailure
from handlers.host.store_contract import Store


@dataclass(frozen=True, slots=True)
class Removing:
    """One store in which things are removed, under its lease where it can keep one."""

    store: Store
    lease: Lease | None

    def retire(self, snapshot: str) -> int:
        """Make a copy none; the bytes that are free for it. HostFailure where something refuses."""
        self._check()
        self._write_retired_record(snapshot)
        self._delete(commit_key(snapshot))
        return self._delete_objects(snapshot, only_own=True)

    def trim(self, snapshot: str) -> int:
        """Go on with what was retired by half: others need no more than its uploads."""
        self._check()
        if self.store.exists(commit_key(snapshot)):
            return 0
        return self._delete_objects(snapshot, only_own=True)

    def clear(self, snapshot: str) -> int:
        """Remove all that is left of what is no copy; nothing may need it."""
        self._check()
        if self.store.exists(commit_key(snapshot)):
            return 0  # it became a copy meanwhile
        freed = self._delete_objects(snapshot, only_own=False)
        self._delete(retired_key(snapshot))
        for kind in (*(note.prefix for note in Note), marks.KEPT, marks.TOMBSTONES):
            for key in [entry.key for entry in self.store.entries(f"{kind}{snapshot}/")]:
                self._delete(key)
        return freed

    def _write_retired_record(self, snapshot: str) -> None:
        """As it lies there, also where nobody can read it any more."""
        key, record = retired_key(snapshot), self.store.get(commit_key(snapshot))
        if self.store.exists(key):
            if self.store.get(key) == record:
                return
            # Cut short: while the commit record is there, nobody reads this one.
            self._delete(key)
        self.store.put(key, record)

    def _delete_objects(self, snapshot: str, *, only_own: bool) -> int:
        freed = 0
        for key, size in list(self._objects(snapshot)):
            if not (only_own and is_for_others(key)):
                self._check()
                self._delete(key)
                freed += size
        return freed

    def _objects(self, snapshot: str) -> Iterator[tuple[str, int]]:
        for entry in self.store.entries(f"{repository.OBJECTS}{snapshot}/"):
            yield entry.key, entry.size_bytes

    def _delete(self, key: str) -> None:
        """HostFailure where it is there still; an answer that was lost is no failure."""
        try:
            self.store.delete(key)
        except HostFailure as failure:
            if self.store.exists(key):
                raise refused(failure, key) from failure

    def _check(self) -> None:
        if self.lease is not None:
            self.lease.check()


def refused(failure: HostFailure, key: str) -> HostFailure:
    """What is said where a store lets no object go: it is locked, or not ours to delete."""
    return HostFailure(
        f"{failure.message} It does not let {key} go.",
        reason=failure.reason,
        hint="An object lock ends by itself; else give the store's key the right to delete.",
    )
