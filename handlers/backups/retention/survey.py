"""Reads one store whole, as far as retention has to know it: records, notes, objects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from handlers.backups import repository
from handlers.backups.repository import INDEX, STREAMS, UPLOADS, Snapshot
from handlers.backups.retention import marks
from handlers.backups.retention.copies import Copy
from handlers.backups.retention.model import full_hour
from handlers.backups.standing import UNKNOWN, Standing, standings
from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Store

#: What stays of a snapshot while others need its uploads; the index says which those are.
FOR_OTHERS = (UPLOADS, INDEX)
#: Twice as long as a backup may take (handlers/registry.py): what has no commit record by then gets
#: none.
GARBAGE_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies in one store."""

    store: str
    copies: tuple[Copy, ...]
    #: Snapshots that are none any more, and of which something stays.
    retired: frozenset[str]
    #: The size of every object by its key, by snapshot.
    objects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: Snapshots of which anything is noted.
    noted: frozenset[str] = frozenset()

    def without(self, gone: Iterable[str]) -> "Survey":
        """As it will be once these copies were retired."""
        ids = frozenset(gone)
        staying = tuple(copy for copy in self.copies if copy.id not in ids)
        return replace(self, copies=staying, retired=self.retired | ids)

    def is_needed(self, snapshot: str) -> bool:
        """Whether a copy relies on the uploads that came with this snapshot, or may do so: what a
        record that cannot be read relies on, nobody knows."""
        return any(
            snapshot in copy.needs if copy.is_readable else copy.id > snapshot
            for copy in self.copies
            if copy.id != snapshot
        )

    def half_retired(self) -> tuple[str, ...]:
        """Snapshots that are none any more, and of which more is here than others need."""
        return tuple(
            sorted(
                each
                for each in self.retired
                if not all(map(is_for_others, self.objects.get(each, {})))
            )
        )

    def of_no_use(self, now: datetime) -> tuple[str, ...]:
        """Snapshots of which something lies here for nobody: retired and no longer needed, objects
        of a backup that never became one, or notes of what has gone."""
        known = {copy.id for copy in self.copies}
        too_young = full_hour(now) - GARBAGE_AFTER
        garbage = {
            snapshot
            for snapshot in (*self.objects, *self.noted)
            if snapshot not in known and repository.moment_of(snapshot) < too_young
        }
        loose = self.retired | garbage
        return tuple(sorted(each for each in loose if not self.is_needed(each)))

    def bytes_of(self, snapshot: str) -> int:
        """All that lies here of one snapshot."""
        return sum(self.objects.get(snapshot, {}).values())

    def own_bytes_of(self, snapshot: str) -> int:
        """What no other snapshot can need."""
        here = self.objects.get(snapshot, {})
        return sum(size for key, size in here.items() if not is_for_others(key))


@dataclass(slots=True)
class Surveyor:
    """Looks at one store, again and again; records are read once, for they never change."""

    store: Store
    _records: dict[str, Snapshot | None] = field(default_factory=dict)

    def look(self) -> Survey:
        """HostFailure where the store cannot be read, and then nothing of it is judged."""
        ids = repository.snapshot_ids(self.store)
        retired = set(repository.retired_ids(self.store))
        objects = _objects(self.store)
        noted, kept = standings(self.store), marks.kept(self.store)
        marked = marks.marked(self.store)
        records = {each: self._record(each) for each in {*ids, *retired}}
        copies = tuple(
            _copy(each, records, objects, noted.get(each, UNKNOWN), kept.get(each), marked)
            for each in ids
        )
        return Survey(
            self.store.name,
            copies,
            frozenset(retired - set(ids)),
            objects,
            noted=frozenset((*noted, *kept, *marked)),
        )

    def _record(self, snapshot: str) -> Snapshot | None:
        if snapshot not in self._records:
            try:
                self._records[snapshot] = repository.read_snapshot(self.store, snapshot)
            except HostFailure as failure:
                if failure.reason is not Reason.VERIFICATION_FAILED:
                    raise
                self._records[snapshot] = None
        return self._records[snapshot]


def _copy(
    snapshot: str,
    records: Mapping[str, Snapshot | None],
    objects: Mapping[str, Mapping[str, int]],
    standing: Standing,
    kept_until: datetime | None,
    marked: Mapping[str, datetime],
) -> Copy:
    record = records[snapshot]
    return Copy(
        id=snapshot,
        job=None if record is None else record.job,
        needs=frozenset() if record is None else _needs(record),
        standing=standing,
        is_part=record is not None and not record.is_whole,
        is_consistent=record is not None and record.is_consistent,
        is_whole=record is not None and _is_whole(record, records, objects),
        kept_until=kept_until,
        marked_at=marked.get(snapshot),
    )


def _needs(record: Snapshot) -> frozenset[str]:
    return frozenset(record.uploads.held_by) - {record.id}


def _is_whole(
    record: Snapshot,
    records: Mapping[str, Snapshot | None],
    objects: Mapping[str, Mapping[str, int]],
) -> bool:
    streams = STREAMS if record.is_whole else tuple(record.streams)
    if not _are_there(record, streams, objects):
        return False
    holders = (records.get(each) for each in _needs(record))
    return all(each is not None and _are_there(each, FOR_OTHERS, objects) for each in holders)


def _are_there(
    record: Snapshot, streams: Iterable[str], objects: Mapping[str, Mapping[str, int]]
) -> bool:
    here = objects.get(record.id, {})
    if not all(name in record.streams for name in streams):
        return False
    wanted = (each for name in streams for each in record.streams[name].objects)
    return all(here.get(each.key) == each.bytes for each in wanted)


def is_for_others(key: str) -> bool:
    """Whether an object holds uploads, or says which."""
    return key.rpartition("/")[2].partition("-")[0] in FOR_OTHERS


def _objects(store: Store) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for entry in store.entries(repository.OBJECTS):
        snapshot = entry.key.removeprefix(repository.OBJECTS).partition("/")[0]
        if repository.is_id(snapshot):
            found.setdefault(snapshot, {})[entry.key] = entry.size_bytes
    return found
