"""What a store's last verified snapshot already holds of the uploads."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from handlers.backups import repository
from handlers.backups.repository import INDEX, Snapshot, read_snapshot, snapshot_ids
from handlers.backups.streams import plain_of
from handlers.backups.uploads import Indexed, read_index
from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Store


@dataclass(frozen=True, slots=True)
class Base:
    """The snapshot that a new one builds on."""

    snapshot: Snapshot
    #: Its index, compressed as it lies there: some forty bytes a file.
    index: tuple[bytes, ...]
    #: Snapshots whose uploads were found damaged; what they hold is copied anew.
    distrusted: frozenset[str]

    @property
    def content(self) -> tuple[str | None, frozenset[str]]:
        """Equal for two stores that hold the same."""
        return self.snapshot.streams[INDEX].plain_sha256, self.distrusted

    def lines(self) -> Iterator[Indexed]:
        """What need not be sent again, in the order of the scan."""
        plain = (chunk for stored in self.index for chunk in plain_of((stored,)))
        return (line for line in read_index(plain) if line.snapshot not in self.distrusted)


def find_base(store: Store) -> Base | None:
    """From the newest verified snapshot whose index can be read; None: everything is new."""
    verified = repository.noted_ids(store, repository.VERIFIED)
    damaged = frozenset(repository.noted_ids(store, repository.DAMAGED))
    for snapshot_id in snapshot_ids(store):
        if snapshot_id not in verified:
            continue
        try:
            snapshot = read_snapshot(store, snapshot_id)
            index = _read_index(store, snapshot)
        except HostFailure as failure:
            if failure.reason is not Reason.VERIFICATION_FAILED:
                raise
            continue  # an older one will do, and the damage is found where that copy is verified
        return Base(snapshot, index, damaged & set(snapshot.uploads.held_by))
    return None


def _read_index(store: Store, snapshot: Snapshot) -> tuple[bytes, ...]:
    found = []
    for each in snapshot.streams[INDEX].objects:
        data = store.get(each.key)
        if hashlib.sha256(data).hexdigest() != each.sha256:
            raise HostFailure(
                f"Store {store.name}: {each.key} is not what was written.",
                reason=Reason.VERIFICATION_FAILED,
            )
        found.append(data)
    return tuple(found)
