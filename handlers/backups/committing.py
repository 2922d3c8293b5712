"""Ends a snapshot in each store: with its commit record, or with nothing left of it."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from handlers.backups import repository
from handlers.backups.copying import Copying, Group
from handlers.backups.fan_out import Destination
from handlers.backups.repository import FORMAT, FORMAT_OF_A_PART, Snapshot, commit_key
from handlers.errors import HostFailure
from handlers.host.store_contract import Store


def commit(copying: Copying, group: Group, created_at: datetime, seconds: dict[str, float]) -> None:
    """Write the commit record into every store of the group that has all of the objects."""
    snapshot = Snapshot(
        id=copying.snapshot,
        job=copying.context.job,
        created_at=created_at,
        committed_at=copying.context.clock.now(),
        streams={**copying.streams, **group.streams},
        uploads=group.tally.totals(),
        facts=copying.facts,
        left_out=(*copying.left_out, *group.tally.left_out()),
        seconds={**seconds, **copying.seconds},
        sealing=copying.keys.sealing,
        audit_head=copying.context.audit_head,
        format=FORMAT if copying.only is None else FORMAT_OF_A_PART,
        only=copying.only,
        named_files=group.tally.named,
    )
    for destination in group.destinations:
        if destination.is_usable:
            _commit(destination, snapshot)


def remove_uncommitted(destinations: Iterable[Destination], snapshot: str) -> None:
    """Take away what a failed copy wrote; best effort, for without a record it counts nowhere."""
    for destination in destinations:
        if destination.commit_tried:
            continue  # the record may be there after all, and then its objects must be
        with suppress(HostFailure):
            for key in destination.sent_keys:
                assert key.startswith(f"objects/{snapshot}/")
                destination.store.delete(key)


def _commit(destination: Destination, snapshot: Snapshot) -> None:
    key, record = commit_key(snapshot.id), repository.commit_record(snapshot)
    destination.commit_tried = True
    try:
        destination.store.put(key, record)
    except HostFailure as failure:
        if not _is_there(destination.store, key, record):
            destination.fail(failure)
            return
    destination.snapshot = snapshot


def _is_there(store: Store, key: str, record: bytes) -> bool:
    """After an answer that never came: whether the record was written all the same."""
    try:
        return store.get(key) == record
    except HostFailure:
        return False
