"""What copies there are, read from the stores themselves."""

from dataclasses import dataclass, replace
from datetime import datetime

from handlers.backups import repository
from handlers.backups.repository import Snapshot, read_snapshot, snapshot_ids
from handlers.backups.retention import marks
from handlers.backups.standing import UNKNOWN, Standing, standings
from handlers.contract import JSON, AuditHead
from handlers.errors import HostFailure, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from handlers.host.store_contract import Store

#: Each one is a request to the store.
LIMIT = 50


@dataclass(frozen=True, slots=True)
class SnapshotSummary:
    """One committed snapshot in one store, as a list shows it."""

    id: str
    store: str
    job: int | None
    created_at: datetime
    #: What this snapshot added to the store, compressed.
    size_bytes: int
    zulip_version: str | None
    postgresql_version: str | None
    #: Plain, before compression.
    database_bytes: int
    uploads: int
    new_uploads: int
    #: Its commit record cannot be read; then the figures are zero.
    is_damaged: bool = False
    #: Of one whose record cannot be read, nothing that was noted counts.
    standing: Standing = UNKNOWN
    audit_head: AuditHead | None = None
    #: The one part that it holds; None: all of them.
    only: str | None = None
    #: How many files its database names and it has not.
    missing_files: int = 0

    @property
    def is_whole(self) -> bool:
        return self.only is None

    #: Somebody keeps it until then.
    kept_until: datetime | None = None
    #: Since when it is marked to be removed.
    marked_at: datetime | None = None


def list_snapshots(
    settings: StoreSettings, *, limit: int | None = LIMIT
) -> tuple[SnapshotSummary, ...]:
    """Committed snapshots, newest first; HostFailure when the store cannot be read."""
    store = open_store(settings)
    ids = snapshot_ids(store)[:limit]
    noted = standings(store)
    kept, marked = marks.kept(store), marks.marked(store)
    return tuple(
        replace(
            _summary(store, each, noted.get(each, UNKNOWN)),
            kept_until=kept.get(each),
            marked_at=marked.get(each),
        )
        for each in ids
    )


def snapshot(settings: StoreSettings, snapshot_id: str) -> Snapshot:
    """One commit record; HostFailure when there is none of that id."""
    if not repository.is_id(snapshot_id):
        raise HostFailure(f"`{snapshot_id}` is no id of a snapshot.", reason=Reason.BAD_ARGUMENT)
    return read_snapshot(open_store(settings), snapshot_id)


def _summary(store: Store, snapshot_id: str, standing: Standing) -> SnapshotSummary:
    try:
        record = read_snapshot(store, snapshot_id)
    except HostFailure as failure:
        if not repository.concerns_one_copy(failure):
            raise
        created_at = repository.moment_of(snapshot_id)
        return SnapshotSummary(
            snapshot_id, store.name, None, created_at, 0, None, None, 0, 0, 0, is_damaged=True
        )
    return SnapshotSummary(
        id=record.id,
        store=store.name,
        job=record.job,
        created_at=record.created_at,
        size_bytes=record.stored_bytes,
        zulip_version=_version(record, "zulip"),
        postgresql_version=_version(record, "postgresql"),
        database_bytes=record.plain_bytes(repository.DATABASE),
        uploads=record.uploads.files,
        new_uploads=record.uploads.new_files,
        standing=standing,
        audit_head=record.audit_head,
        only=record.only,
        missing_files=0 if record.named_files is None else record.named_files.missing,
    )


def _version(record: Snapshot, part: str) -> str | None:
    facts: JSON = record.facts.get(part)
    version = facts.get("version") if isinstance(facts, dict) else None
    return version if isinstance(version, str) else None
