"""Ends the reading back of a copy: only what passes everything here counts as verified.

A copy is made and verified in this order; nothing later happens where something earlier failed.

1. An object is stored: written, and its file and directory fsynced, or its PUT answered.
2. It is read back whole from its store (`following`), while others are still made. The SHA-256 of
   its stored bytes, the checksum of its zstd frame, the SHA-256 of the plain stream and of each
   upload must match; pg_restore reads the dump to its end, and the tars are read to theirs.
3. When every object was stored, the commit record is written: the copy is *stored*.
4. The rest is read back, the commit record too, which must be what was written; every object must
   still be there in its size; earlier uploads that it relies on are looked at, or read when due.
5. That is noted in the store: the copy is *verified*.

Bytes that were read back in step 2 are not read a second time after step 3. Between the two lie
seconds to minutes; what rots then is what may rot on any later day, and is found by the next
`verify`. What is missing or cut short by then is found in step 4.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.backups import repository
from handlers.backups.arrivals import Arrivals
from handlers.backups.reading.following import Follower, Tools
from handlers.backups.reading.read_back import damaged
from handlers.backups.repository import STREAMS, UPLOADS, Snapshot, encode, read_snapshot, to_json
from handlers.contract import JSON, Progress
from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Store

#: Uploads that an earlier snapshot holds are read again after this time; until then they must be
#: there, in their sizes.
REREAD_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Verification:
    """What was read back, as it is noted in the store."""

    snapshot: str
    at: datetime
    job: int
    objects: int
    bytes: int
    #: When the uploads that each snapshot holds were last read back.
    uploads_read_at: Mapping[str, datetime]


@dataclass(slots=True)
class _Reading:
    """One reading of one snapshot in one store."""

    follower: Follower
    snapshot: Snapshot
    journal: Progress
    now: datetime
    total_bytes: int
    #: Earlier snapshots whose uploads are due to be read again.
    due: list[Snapshot] = field(default_factory=list)
    uploads_read_at: dict[str, datetime] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.follower.store

    def tick(self) -> None:
        """Say how far it is."""
        self.journal.progress(
            f"Reading back from store {self.store.name}.",
            done=min(self.follower.read_bytes, self.total_bytes),
            total=self.total_bytes,
        )


def verify(
    store: Store, snapshot: Snapshot, tools: Tools, journal: Progress, now: datetime
) -> Verification:
    """Read a snapshot that was stored some time ago; otherwise as `finish`."""
    arrivals = {name: Arrivals.of(snapshot.streams[name]) for name in STREAMS}
    with closing(Follower(snapshot.id, store, arrivals, tools)) as follower:
        return finish(follower, snapshot, journal, now)


def finish(
    follower: Follower, snapshot: Snapshot, journal: Progress, now: datetime
) -> Verification:
    """Wait until everything that the snapshot needs was read, and note it in the store.

    Raises HostFailure at the first object, file or byte that is not what was written.
    """
    reading = _Reading(follower, snapshot, journal, now, snapshot.stored_bytes)
    follower.finish(reading.tick)
    reading.uploads_read_at[snapshot.id] = now
    _look_at_record(reading)
    _look_at_objects(reading.store, snapshot, *STREAMS)
    _look_at_earlier(reading)
    _read_earlier(reading)
    return _note(reading, now)


def _look_at_record(reading: _Reading) -> None:
    """The commit record, read back from where it lies, says what was read."""
    store, snapshot = reading.store, reading.snapshot
    if encode(to_json(read_snapshot(store, snapshot.id))) != encode(to_json(snapshot)):
        raise damaged(store, repository.commit_key(snapshot.id), "is not what was written")


def _look_at_objects(store: Store, snapshot: Snapshot, *streams: str, how: str = "") -> None:
    """Every object of these streams is there, in its size."""
    entries = store.entries(f"objects/{snapshot.id}/")
    sizes = {entry.key: entry.size_bytes for entry in entries}
    for each in (each for name in streams for each in snapshot.streams[name].objects):
        if sizes.get(each.key) != each.bytes:
            raise damaged(store, each.key, f"is missing or cut short{how}")


def _look_at_earlier(reading: _Reading) -> None:
    """Every object that earlier snapshots hold for this one must be there, in its size."""
    read_at = _last_read(reading.store)
    for snapshot_id in sorted(reading.snapshot.uploads.held_by):
        if snapshot_id == reading.snapshot.id:
            continue
        with _noting_damage(reading, snapshot_id):
            earlier = _earlier(reading.store, snapshot_id)
            last = read_at.get(snapshot_id)
            if last is None or reading.now - last >= REREAD_AFTER:
                reading.due.append(earlier)
            else:
                reading.uploads_read_at[snapshot_id] = last


def _earlier(store: Store, snapshot_id: str) -> Snapshot:
    key = repository.commit_key(snapshot_id)
    if not store.exists(key):
        raise damaged(store, key, "is missing, and later snapshots need it")
    earlier = read_snapshot(store, snapshot_id)
    _look_at_objects(store, earlier, UPLOADS, how=", and later snapshots need it")
    return earlier


def _read_earlier(reading: _Reading) -> None:
    reading.total_bytes += sum(each.streams[UPLOADS].stored_bytes for each in reading.due)
    for earlier in reading.due:
        with _noting_damage(reading, earlier.id):
            reading.follower.read_uploads_of(earlier, reading.tick)
        reading.uploads_read_at[earlier.id] = reading.now


def _note(reading: _Reading, now: datetime) -> Verification:
    noted = Verification(
        snapshot=reading.snapshot.id,
        at=now,
        job=reading.snapshot.job,
        objects=reading.follower.read_objects,
        bytes=reading.follower.read_bytes,
        uploads_read_at=dict(reading.uploads_read_at),
    )
    record = {
        "format": repository.FORMAT,
        "snapshot": noted.snapshot,
        "at": noted.at.isoformat(),
        "job": noted.job,
        "objects": noted.objects,
        "bytes": noted.bytes,
        "uploads_read_at": {name: at.isoformat() for name, at in noted.uploads_read_at.items()},
    }
    key = repository.verification_key(noted.snapshot, now)
    reading.store.put(key, repository.encode(record))
    return noted


def _last_read(store: Store) -> dict[str, datetime]:
    """When the uploads of each snapshot were last read back, from the newest verification."""
    keys = repository.noted_ids(store, repository.VERIFIED).values()
    newest = max(keys, key=lambda key: key.rpartition("/")[2], default=None)
    if newest is None:
        return {}
    # A damaged note costs a reading, nothing else.
    with suppress(KeyError, TypeError, ValueError):
        read_at: dict[str, JSON] = json.loads(store.get(newest))["uploads_read_at"]
        return {name: datetime.fromisoformat(str(at)) for name, at in read_at.items()}
    return {}


@contextmanager
def _noting_damage(reading: _Reading, snapshot_id: str) -> Iterator[None]:
    """Notes in the store that nothing new may rely on the uploads of this snapshot."""
    try:
        yield
    except HostFailure as failure:
        if failure.reason is Reason.VERIFICATION_FAILED:
            record = {"format": repository.FORMAT, "found": failure.message}
            key = repository.damage_key(snapshot_id, reading.now)
            with suppress(HostFailure):
                reading.store.put(key, repository.encode(record))
        raise
