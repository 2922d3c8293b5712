"""The repository of copies: its keys, and its commit records as data and as JSON.

By hand, without this program: `cat objects/<id>/database-* | zstd -d | pg_restore ...` and
`cat objects/<id>/uploads-* | zstd -d | tar -x`. Objects whose names end in .age are sealed, each
on its own: `for each in objects/<id>/database-*; do age -d -i KEY "$each"; done` in the place of
`cat`. Uploads lie with every snapshot that `uploads.held_by` of the commit record names.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from handlers.backups.sealing.record import Sealing
from handlers.contract import JSON, AuditHead
from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Store

#: Raised when an older program could no longer read what is written.
FORMAT = 1
#: Of the commit record of a part: a program that only knows whole copies must not read it.
FORMAT_OF_A_PART = 2
REPOSITORY = "repository.json"
SNAPSHOTS = "snapshots/"
#: Commit records of snapshots that are none any more: later ones need the uploads that came with
#: them, which stay with their index, and this says what they are.
RETIRED = "retired/"
OBJECTS = "objects/"

DATABASE = "database"
UPLOADS = "uploads"
INDEX = "index"
CONFIGURATION = "configuration"
STREAMS = (DATABASE, UPLOADS, INDEX, CONFIGURATION)
#: What can be copied alone, and the streams of it; stored, never renamed.
PARTS = {"database": (DATABASE,), "uploads": (UPLOADS, INDEX), "config": (CONFIGURATION,)}

_MOMENT = "%Y%m%dT%H%M%SZ"
_IN_KEYS = re.compile(r"\d{8}T\d{6}Z")
_ID = re.compile(_IN_KEYS.pattern + r"-[0-9a-f]{8}")

#: The field of a commit record that holds the SHA-256 of all its others.
_OWN_SHA256 = "sha256"
#: What a record of the first programs could hold: they wrote no SHA-256 of it.
_FIRST_FIELDS = frozenset(
    (
        *("format", "id", "job", "created_at", "committed_at", "streams", "uploads", "facts"),
        *("left_out", "seconds", "sealing", "audit_head", "only", "named_files"),
    )
)


class NewerFormat(HostFailure):
    """A record that a newer program wrote: nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One immutable object: a whole number of zstd frames, or those sealed as one file of age."""

    key: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One stream of a snapshot: its objects in order, and what they decompress to."""

    #: What reads the plain stream.
    format: str
    objects: tuple[StoredObject, ...]
    plain_bytes: int
    #: None for uploads whose copy is older than this hash: each file's own stands in the index.
    plain_sha256: str | None
    #: The tool that wrote the plain stream; none: this program.
    command: tuple[str, ...] | None = None

    @property
    def stored_bytes(self) -> int:
        return sum(each.bytes for each in self.objects)


@dataclass(frozen=True, slots=True)
class UploadTotals:
    """What the index of the uploads adds up to."""

    files: int = 0
    bytes: int = 0
    new_files: int = 0
    new_bytes: int = 0
    #: Snapshots whose tar holds files of this one, itself included, with how many.
    held_by: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """What became of the files that the database names, such as attachments."""

    #: How many it names, by kind.
    counts: Mapping[str, int]
    #: How many of these are not in the copy although the database still names them.
    missing: int = 0
    #: The first of them.
    first_missing: tuple[str, ...] = ()
    #: How many Zulip deleted between the dump and the scan.
    deleted_meanwhile: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit record: written last, and without it there is no backup."""

    id: str
    job: int
    created_at: datetime
    committed_at: datetime
    streams: Mapping[str, StreamRecord]
    uploads: UploadTotals
    #: What a restore is judged by: versions, migrations, counts, the newest message.
    facts: Mapping[str, JSON]
    #: What is not in it, in sentences.
    left_out: tuple[str, ...]
    seconds: Mapping[str, float]
    format: int = FORMAT
    #: To which keys each object is sealed; none: they are not sealed.
    sealing: Sealing | None = None
    #: Where the audit log stood: whoever shortens it later cannot reach this.
    audit_head: AuditHead | None = None
    #: The one part that it holds; None: all of them.
    only: str | None = None
    #: None: nothing was looked for, as there was no database point or no directory of uploads.
    named_files: NamedFiles | None = None

    @property
    def is_whole(self) -> bool:
        """Whether a server can be restored from it; a part is no copy of a server."""
        return self.only is None

    @property
    def is_consistent(self) -> bool:
        """Whether every file that its database names was there when it was made."""
        return self.named_files is None or self.named_files.missing == 0

    def plain_bytes(self, stream: str) -> int:
        """What a stream decompresses to; 0 where this copy has no such stream."""
        return self.streams[stream].plain_bytes if stream in self.streams else 0

    @property
    def stored_bytes(self) -> int:
        return sum(stream.stored_bytes for stream in self.streams.values())


def new_id(now: datetime) -> str:
    """Sorts by time; the random part keeps two of one second apart."""
    return f"{moment(now)}-{secrets.token_hex(4)}"


def moment(at: datetime) -> str:
    """A time as it stands in keys: `20261123T150200Z`."""
    return at.astimezone(UTC).strftime(_MOMENT)


def moment_of(name: str) -> datetime:
    """The time at the beginning of an id or of a record's name."""
    return datetime.strptime(name[:16], _MOMENT).replace(tzinfo=UTC)


def is_id(name: str) -> bool:
    return _ID.fullmatch(name) is not None


def is_moment(name: str) -> bool:
    return _IN_KEYS.fullmatch(name) is not None


def commit_key(snapshot: str) -> str:
    return f"{SNAPSHOTS}{snapshot}.json"


def retired_key(snapshot: str) -> str:
    return f"{RETIRED}{snapshot}.json"


def object_key(snapshot: str, stream: str, number: int, *, is_sealed: bool = False) -> str:
    """Numbers begin at 1 and sort as text."""
    return f"{OBJECTS}{snapshot}/{stream}-{number:06d}" + (".age" if is_sealed else "")


def encode(record: Mapping[str, Any]) -> bytes:
    """JSON that people can read too."""
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()


def commit_record(snapshot: Snapshot) -> bytes:
    """The commit record as it is stored: JSON with the SHA-256 of its own other fields."""
    record = to_json(snapshot)
    return encode({**record, _OWN_SHA256: _sha256_of(record)})


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """What the commit record says of the snapshot."""
    record = {
        name: getattr(snapshot, name)
        for name in ("format", "id", "job", "facts", "left_out", "seconds", "only")
    }
    return record | {
        "created_at": snapshot.created_at.isoformat(),
        "committed_at": snapshot.committed_at.isoformat(),
        "streams": {name: asdict(stream) for name, stream in snapshot.streams.items()},
        "uploads": asdict(snapshot.uploads),
        "named_files": None if snapshot.named_files is None else asdict(snapshot.named_files),
        "sealing": None if snapshot.sealing is None else asdict(snapshot.sealing),
        "audit_head": None if snapshot.audit_head is None else asdict(snapshot.audit_head),
    }


def from_json(record: Mapping[str, Any]) -> Snapshot:
    """Raises KeyError, TypeError or ValueError where the record is not one of ours."""
    if record["format"] > FORMAT_OF_A_PART:
        raise ValueError(f"format {record['format']} is newer than this program")
    # They become parts of keys, and of commands that people copy into a shell.
    if not all(map(is_id, (record["id"], *record["uploads"]["held_by"]))):
        raise ValueError("the id of a snapshot is none")
    if record.get("only") not in {None, *PARTS}:
        raise ValueError("the part that it holds is not known")
    return Snapshot(
        id=record["id"],
        job=record["job"],
        created_at=datetime.fromisoformat(record["created_at"]),
        committed_at=datetime.fromisoformat(record["committed_at"]),
        streams={name: _stream(stream) for name, stream in record["streams"].items()},
        uploads=UploadTotals(**record["uploads"]),
        facts=record["facts"],
        left_out=tuple(record["left_out"]),
        seconds=record["seconds"],
        format=record["format"],
        sealing=Sealing.from_json(sealing) if (sealing := record["sealing"]) else None,
        audit_head=AuditHead(**head) if (head := record.get("audit_head")) else None,
        only=record.get("only"),
        named_files=_named_files(named) if (named := record.get("named_files")) else None,
    )


def read_snapshot(store: Store, snapshot: str) -> Snapshot:
    """One commit record; HostFailure when it is missing or is not what was written.

    Also of what is no snapshot any more and has uploads that others need; `snapshot_ids` has only
    those that are. Raises NewerFormat where a newer program wrote it.
    """
    data = _record(store, snapshot)
    try:
        record = _whole(data)
        if record["format"] > FORMAT_OF_A_PART:
            raise _newer(store, snapshot)
        found = from_json(record)
        if found.id != snapshot:
            raise ValueError("it is another snapshot's")
    except (KeyError, TypeError, ValueError) as error:
        raise HostFailure(
            f"Store {store.name}: the commit record of {snapshot} is damaged.",
            reason=Reason.VERIFICATION_FAILED,
            hint="Take a new backup, and look for what damages files there.",
        ) from error
    return found


def concerns_one_copy(failure: HostFailure) -> bool:
    """Whether only this commit record cannot be used, and others of the store can."""
    return failure.reason is Reason.VERIFICATION_FAILED or isinstance(failure, NewerFormat)


def _record(store: Store, snapshot: str) -> bytes:
    try:
        return store.get(commit_key(snapshot))
    except HostFailure:
        if not store.exists(retired_key(snapshot)):
            raise
        return store.get(retired_key(snapshot))


def snapshot_ids(store: Store) -> list[str]:
    """Every committed snapshot, newest first."""
    return _ids(store, SNAPSHOTS)


def retired_ids(store: Store) -> list[str]:
    """Every snapshot that is none any more, and of which something stays; newest first."""
    return _ids(store, RETIRED)


def _ids(store: Store, prefix: str) -> list[str]:
    names = (entry.key.removeprefix(prefix) for entry in store.entries(prefix))
    ids = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted((each for each in ids if is_id(each)), reverse=True)


def prepare(store: Store, now: datetime) -> None:
    """Make the store a repository, or see that it is one that this program understands."""
    if not store.exists(REPOSITORY):
        record = {"format": FORMAT, "id": secrets.token_hex(16), "created_at": now.isoformat()}
        try:
            store.put(REPOSITORY, encode({**record, "about": (__doc__ or "").strip()}))
        except HostFailure:
            if not store.exists(REPOSITORY):
                raise
            # Another backup, begun at the same moment, was first; what it wrote is looked at.
        else:
            return
    try:
        found = json.loads(store.get(REPOSITORY))["format"]
    except (KeyError, TypeError, ValueError):
        found = None
    if not isinstance(found, int) or found > FORMAT:
        raise HostFailure(
            f"Store {store.name} holds a repository of a format that this program does not know.",
            reason=Reason.STORE_FAILED,
            hint="Use the newer zulip-ops that made it, or another directory or prefix.",
        )


def _named_files(record: Mapping[str, Any]) -> NamedFiles:
    return NamedFiles(**{**record, "first_missing": tuple(record["first_missing"])})


def _whole(data: bytes) -> dict[str, Any]:
    """The fields of a commit record; ValueError where it is not byte by byte what was written."""
    record: Any = json.loads(data)
    if not isinstance(record, dict) or encode(record) != data:
        raise ValueError("it is not written as it should be")
    promised = record.pop(_OWN_SHA256, None)
    if promised is None and not record.keys() <= _FIRST_FIELDS:
        raise ValueError("it has lost the SHA-256 of itself")
    if promised is not None and promised != _sha256_of(record):
        raise ValueError("its fields do not have the SHA-256 that it names")
    return record


def _newer(store: Store, snapshot: str) -> NewerFormat:
    return NewerFormat(
        f"Store {store.name}: {snapshot} was written by a newer zulip-ops.",
        reason=Reason.STORE_FAILED,
        hint="Use that one to read it.",
    )


def _sha256_of(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(encode(record)).hexdigest()


def _stream(record: Mapping[str, Any]) -> StreamRecord:
    command = record["command"]
    return StreamRecord(
        format=record["format"],
        objects=tuple(StoredObject(**each) for each in record["objects"]),
        plain_bytes=record["plain_bytes"],
        plain_sha256=record["plain_sha256"],
        command=None if command is None else tuple(command),
    )
