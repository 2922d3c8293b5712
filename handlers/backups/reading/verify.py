"""Ends the reading back of a copy: only what passes everything here counts as verified.

A copy is made and verified in this order; nothing later happens where something earlier failed.

1. An object is stored: written, and its file and directory fsynced, or its PUT answered.
2. It is read back whole from its store (`following`), while others are still made. The SHA-256 of
   its stored bytes, the checksum of its zstd frame and the SHA-256 of the plain stream must match;
   pg_restore reads the dump to its end, and tar the uploads to theirs. Of a copy that is older than
   this run each upload must have the hash that stands in the index, too; in this run that hash came
   of the very bytes of which the stream's did.
3. When every object was stored, the commit record is written: the copy is *stored*.
4. The rest is read back, the commit record too, which must be what was written; every object must
   still be there in its size; earlier uploads that it relies on are looked at, or read when due.
5. That is noted in the store: the copy is *verified*.

What is sealed is opened in step 2 with the key of the run that made it. Later that key is gone: on
a host without the drill key the stored bytes are compared with what was written, which is noted as
*compared*, and earlier uploads too. Their content is then what it was when it was last read.

Bytes that were read back in step 2 are not read a second time after step 3. Between the two lie
seconds to minutes; what rots then is what may rot on any later day, and is found by the next
`verify`. What is missing or cut short by then is found in step 4.
"""

import json
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.backups import repository
from handlers.backups.arrivals import Arrivals
from handlers.backups.reading.damage import noting_damage
from handlers.backups.reading.following import Follower, Means
from handlers.backups.reading.rate import Rate
from handlers.backups.reading.read_back import damaged
from handlers.backups.repository import UPLOADS, Snapshot, encode, read_snapshot, to_json
from handlers.backups.standing import Note, add_note, newest_notes, noted_at
from handlers.contract import JSON, Progress
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
    #: And when their stored bytes were last compared, where no key was there to read them.
    uploads_compared_at: Mapping[str, datetime]
    #: When the content was last read; `at`, unless there was no key. None: never to its end.
    content_read_at: datetime | None

    @property
    def is_whole(self) -> bool:
        """Whether the content was read to its end, and not only the stored bytes compared."""
        return self.content_read_at == self.at

    @property
    def content_last_read(self) -> str:
        """When that was, where it was not now."""
        if self.content_read_at is None:
            return "its content was never read to its end"
        return f"its content was last read on {self.content_read_at:%Y-%m-%d}"


@dataclass(slots=True)
class _Reading:
    """One reading of one snapshot in one store."""

    follower: Follower
    snapshot: Snapshot
    journal: Progress
    now: datetime
    total_bytes: int
    rate: Rate = field(default_factory=Rate)
    #: Earlier snapshots whose uploads are due to be read again.
    due: list[Snapshot] = field(default_factory=list)
    uploads_read_at: dict[str, datetime] = field(default_factory=dict)
    uploads_compared_at: dict[str, datetime] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.follower.store

    def tick(self) -> None:
        """Say how far it is."""
        done = min(self.follower.read_bytes, self.total_bytes)
        self.journal.progress(
            f"Reading back from store {self.store.name}{self.rate.said(done, self.total_bytes)}.",
            done=done,
            total=self.total_bytes,
        )


def verify(
    store: Store, snapshot: Snapshot, means: Means, journal: Progress, now: datetime
) -> Verification:
    """Read a snapshot that was stored some time ago; otherwise as `finish`.

    Where it is sealed and no key opens it, its stored bytes are compared with what was written.
    What is found damaged is noted in the store.
    """
    arrivals = {name: Arrivals.of(stream) for name, stream in snapshot.streams.items()}
    with (
        noting_damage(store, snapshot.id, snapshot.id, now),
        closing(Follower(snapshot.id, store, arrivals, means)) as follower,
    ):
        return finish(follower, snapshot, journal, now)


def finish(
    follower: Follower, snapshot: Snapshot, journal: Progress, now: datetime
) -> Verification:
    """Wait until everything that the snapshot needs was read, and note it in the store.

    Raises HostFailure at the first object, file or byte that is not what was written.
    """
    reading = _Reading(follower, snapshot, journal, now, snapshot.stored_bytes)
    follower.finish(reading.tick)
    _remember(reading, snapshot.id, now, was_read=follower.reads_content)
    _look_at_record(reading)
    _look_at_objects(reading.store, snapshot, *snapshot.streams)
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
    read_at, compared_at = _last_read(reading.store)
    for snapshot_id in sorted(reading.snapshot.uploads.held_by):
        if snapshot_id == reading.snapshot.id:
            continue
        with noting_damage(reading.store, snapshot_id, reading.snapshot.id, reading.now):
            earlier = _earlier(reading.store, snapshot_id)
            known = [at[snapshot_id] for at in (read_at, compared_at) if snapshot_id in at]
            if not known or reading.now - max(known) >= REREAD_AFTER:
                reading.due.append(earlier)
            # What is done now takes their places.
            for at, kept in (
                (read_at, reading.uploads_read_at),
                (compared_at, reading.uploads_compared_at),
            ):
                kept.update({snapshot_id: at[snapshot_id]} if snapshot_id in at else {})


def _earlier(store: Store, snapshot_id: str) -> Snapshot:
    keys = repository.commit_key(snapshot_id), repository.retired_key(snapshot_id)
    if not any(map(store.exists, keys)):
        raise damaged(store, keys[0], "is missing, and later snapshots need it")
    earlier = read_snapshot(store, snapshot_id)
    _look_at_objects(store, earlier, UPLOADS, how=", and later snapshots need it")
    return earlier


def _read_earlier(reading: _Reading) -> None:
    reading.total_bytes += sum(each.streams[UPLOADS].stored_bytes for each in reading.due)
    for earlier in reading.due:
        with noting_damage(reading.store, earlier.id, reading.snapshot.id, reading.now):
            was_read = reading.follower.read_uploads_of(earlier, reading.tick)
        _remember(reading, earlier.id, reading.now, was_read=was_read)


def _remember(reading: _Reading, snapshot_id: str, now: datetime, *, was_read: bool) -> None:
    kept = reading.uploads_read_at if was_read else reading.uploads_compared_at
    kept[snapshot_id] = now


def _note(reading: _Reading, now: datetime) -> Verification:
    noted = Verification(
        snapshot=reading.snapshot.id,
        at=now,
        job=reading.snapshot.job,
        objects=reading.follower.read_objects,
        bytes=reading.follower.read_bytes,
        uploads_read_at=dict(reading.uploads_read_at),
        uploads_compared_at=dict(reading.uploads_compared_at),
        content_read_at=_content_read_at(reading, now),
    )
    record: dict[str, JSON] = {
        "snapshot": noted.snapshot,
        "at": noted.at.isoformat(),
        "job": noted.job,
        "objects": noted.objects,
        "bytes": noted.bytes,
        "uploads_read_at": _as_text(noted.uploads_read_at),
        "uploads_compared_at": _as_text(noted.uploads_compared_at),
    }
    kind = Note.VERIFIED if reading.follower.reads_content else Note.COMPARED
    add_note(reading.store, kind, noted.snapshot, now, record)
    return noted


def _content_read_at(reading: _Reading, now: datetime) -> datetime | None:
    if reading.follower.reads_content:
        return now
    note = newest_notes(reading.store, Note.VERIFIED).get(reading.snapshot.id)
    return None if note is None else noted_at(note)


def _last_read(store: Store) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """When the uploads of each snapshot were last read back, and compared, from the newest note."""
    kinds = (Note.VERIFIED, Note.COMPARED)
    keys = [key for kind in kinds for key in newest_notes(store, kind).values()]
    newest = max(keys, key=noted_at, default=None)
    if newest is None:
        return {}, {}
    # A damaged note costs a reading, nothing else.
    with suppress(KeyError, TypeError, ValueError):
        note = json.loads(store.get(newest))
        return _as_times(note["uploads_read_at"]), _as_times(note.get("uploads_compared_at", {}))
    return {}, {}


def _as_text(times: Mapping[str, datetime]) -> JSON:
    return {name: at.isoformat() for name, at in times.items()}


def _as_times(texts: Mapping[str, JSON]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(str(at)) for name, at in texts.items()}
