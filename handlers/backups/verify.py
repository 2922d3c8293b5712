"""Reads a snapshot back whole from where it lies, and the dump to its end; then it is verified."""

import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from handlers.backups import database_dump, repository
from handlers.backups.repository import (
    CONFIGURATION,
    DATABASE,
    INDEX,
    UPLOADS,
    Snapshot,
    read_snapshot,
)
from handlers.backups.streams import ReadBack, damaged, drain
from handlers.backups.tar_stream import Member, TarReader
from handlers.backups.together import together
from handlers.backups.uploads import Indexed, read_index, tar_name
from handlers.contract import JSON, Progress
from handlers.errors import HostFailure, Reason
from handlers.host.settings import DatabaseSettings
from handlers.host.store_contract import Store

#: Uploads that an earlier snapshot holds are read again after this time; until then they must be
#: there, in their sizes.
REREAD_AFTER = timedelta(days=7)
#: For pg_restore to end once it was given everything.
EXIT_LIMIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tools:
    """What reads a dump."""

    database: DatabaseSettings
    programs: Path


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
class Reading:
    """One reading of one snapshot in one store."""

    store: Store
    snapshot: Snapshot
    journal: Progress
    now: datetime
    stop: threading.Event = field(default_factory=threading.Event)
    total_bytes: int = 0
    read_bytes: int = 0
    read_objects: int = 0
    #: Earlier snapshots whose uploads are due to be read again.
    due: list[Snapshot] = field(default_factory=list)
    uploads_read_at: dict[str, datetime] = field(default_factory=dict)

    def back(self, of: Snapshot, stream: str) -> ReadBack:
        self.read_objects += len(of.streams[stream].objects)
        return ReadBack(self.store, of.streams[stream], self._report, self.stop)

    def tick(self) -> None:
        """Say how far it is."""
        self.journal.progress(
            f"Reading back from store {self.store.name}.",
            done=min(self.read_bytes, self.total_bytes),
            total=self.total_bytes,
        )

    def _report(self, size: int) -> None:
        self.read_bytes += size  # two threads add to it: for people, not for decisions


def verify(
    store: Store, snapshot: Snapshot, tools: Tools, journal: Progress, now: datetime
) -> Verification:
    """Read everything that the snapshot needs, and note in the store that it was all there.

    Raises HostFailure at the first object, file or byte that is not what was written.
    """
    reading = Reading(store, snapshot, journal, now)
    _look_at_earlier(reading)
    own = snapshot.streams.values()
    due = (each.streams[UPLOADS].stored_bytes for each in reading.due)
    reading.total_bytes = sum(stream.stored_bytes for stream in own) + sum(due)
    with database_dump.start_reading(tools.database, tools.programs) as reader:

        def read_dump() -> None:
            plain = reading.back(snapshot, DATABASE).plain()
            try:
                database_dump.feed(reader, plain, EXIT_LIMIT)
            except HostFailure as failure:
                if failure.reason is not Reason.TOOL_FAILED:
                    raise
                raise _unreadable_dump(store, failure) from failure

        def read_files() -> None:
            _read_tar(reading, CONFIGURATION)
            _read_uploads(reading, snapshot)
            _read_earlier(reading)

        def stop() -> None:
            reading.stop.set()
            reader.kill()

        together({DATABASE: read_dump, UPLOADS: read_files}, tick=reading.tick, stop=stop)
    return _note(reading, now)


def _look_at_earlier(reading: Reading) -> None:
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
    entries = store.entries(f"objects/{snapshot_id}/")
    sizes = {entry.key: entry.size_bytes for entry in entries}
    for each in earlier.streams[UPLOADS].objects:
        if sizes.get(each.key) != each.bytes:
            raise damaged(store, each.key, "is missing or cut short, and later snapshots need it")
    return earlier


def _read_earlier(reading: Reading) -> None:
    for earlier in reading.due:
        with _noting_damage(reading, earlier.id):
            _read_uploads(reading, earlier)


def _read_tar(reading: Reading, stream: str) -> None:
    record = reading.snapshot.streams[stream]
    try:
        drain_members(TarReader(reading.back(reading.snapshot, stream).plain()).members())
    except ValueError as error:
        raise damaged(reading.store, record.objects[0].key, f"is no tar: {error}") from error


def _read_uploads(reading: Reading, snapshot: Snapshot) -> None:
    """The tar of one snapshot beside its index: the same files, in order, with the same content."""
    key = snapshot.streams[UPLOADS].objects[0].key
    members = TarReader(reading.back(snapshot, UPLOADS).plain()).members()
    lines = read_index(reading.back(snapshot, INDEX).plain())
    try:
        for line in lines:
            if line.snapshot == snapshot.id:
                _compare(line, next(members, None))
        if next(members, None) is not None:
            raise ValueError("it holds more than its index says")
    except (TypeError, ValueError, KeyError) as error:
        raise damaged(reading.store, key, f"and its index do not agree: {error}") from error
    reading.uploads_read_at[snapshot.id] = reading.now


def _compare(line: Indexed, member: Member | None) -> None:
    kind = tarfile.REGTYPE if line.target is None else tarfile.SYMTYPE
    if member is None:
        raise ValueError(f"{line.path!a} is not in it")
    found = (member.name, member.kind, member.size_bytes, member.sha256)
    if found != (tar_name(line.path), kind, line.size, line.sha256):
        raise ValueError(f"{line.path!a} is not what was read")


def drain_members(members: Iterator[Member]) -> None:
    """Read to the end for the checks alone."""
    drain(member.name.encode(errors="surrogateescape") for member in members)


def _note(reading: Reading, now: datetime) -> Verification:
    noted = Verification(
        snapshot=reading.snapshot.id,
        at=now,
        job=reading.snapshot.job,
        objects=reading.read_objects,
        bytes=reading.read_bytes,
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
def _noting_damage(reading: Reading, snapshot_id: str) -> Iterator[None]:
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


def _unreadable_dump(store: Store, failure: HostFailure) -> HostFailure:
    return HostFailure(
        f"Store {store.name}: pg_restore could not read the dump to its end.",
        reason=Reason.VERIFICATION_FAILED,
        hint="Do not rely on this copy; take a new one.",
        tail=failure.tail,
    )
