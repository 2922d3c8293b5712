"""What a store's last verified snapshot already holds of the uploads."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from handlers.backups.repository import (
    INDEX,
    Snapshot,
    concerns_one_copy,
    read_snapshot,
    snapshot_ids,
)
from handlers.backups.retention import marks
from handlers.backups.sealing.beside import opened
from handlers.backups.sealing.keys import Keys
from handlers.backups.standing import Note, newest_notes
from handlers.backups.streams import plain_of
from handlers.backups.uploads import Indexed, read_index
from handlers.errors import HostFailure, Reason
from handlers.host.age import CannotOpen
from handlers.host.store_contract import Store


@dataclass(frozen=True, slots=True)
class Base:
    """The snapshot that a new one builds on."""

    snapshot: Snapshot
    #: Its index, compressed and opened: some forty bytes a file.
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


def find_base(store: Store, keys: Keys, say: Callable[[str], None]) -> Base | None:
    """From the newest verified snapshot whose index can be read and which is not about to be
    removed; None: everything is new.

    That everything is copied anew although there is an earlier copy is said.
    """
    verified = newest_notes(store, Note.VERIFIED).keys() - marks.marked(store).keys()
    damaged = frozenset(newest_notes(store, Note.DAMAGED))
    for snapshot_id in snapshot_ids(store):
        if snapshot_id not in verified:
            continue
        try:
            snapshot = read_snapshot(store, snapshot_id)
            if INDEX not in snapshot.streams:
                continue
            if (why_not := _why_not(keys, snapshot)) is not None:
                say(f"Store {store.name}: all uploads are copied anew. {why_not}")
                return None
            index = _read_index(store, snapshot, keys)
        except HostFailure as failure:
            if not concerns_one_copy(failure):
                raise
            continue  # an older one will do, and the damage is found where that copy is verified
        return Base(snapshot, index, damaged & set(snapshot.uploads.held_by))
    return None


def _why_not(keys: Keys, snapshot: Snapshot) -> str | None:
    """Why a new snapshot cannot build on this one."""
    if not keys.may_build_on(snapshot.sealing):
        return f"{snapshot.id} is not sealed to the same keys."
    if keys.openers(snapshot.sealing, INDEX) == ():
        return f"No key is here that opens the index of {snapshot.id}."
    return None


def _read_index(store: Store, snapshot: Snapshot, keys: Keys) -> tuple[bytes, ...]:
    identities = keys.openers(snapshot.sealing, INDEX)
    found = []
    for each in snapshot.streams[INDEX].objects:
        if not store.exists(each.key):
            raise _damaged(store, each.key, "is missing")
        data = store.get(each.key)
        if hashlib.sha256(data).hexdigest() != each.sha256:
            raise _damaged(store, each.key, "is not what was written")
        try:
            frame = data if identities is None else b"".join(opened((data,), identities))
        except CannotOpen as error:
            raise _damaged(store, each.key, "cannot be opened") from error
        found.append(frame)
    return tuple(found)


def _damaged(store: Store, key: str, how: str) -> HostFailure:
    return HostFailure(f"Store {store.name}: {key} {how}.", reason=Reason.VERIFICATION_FAILED)
