"""What a backup would copy, whether it could, and how large it would be; quickly."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from handlers.backups import facts, uploads
from handlers.backups.repository import UPLOADS, Snapshot, read_snapshot, snapshot_ids
from handlers.backups.sealing.keys import lasting, may_build_on
from handlers.contract import JSON, Precondition
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host import postgres, zulip_settings
from handlers.host.age import key_id
from handlers.host.layout import Layout
from handlers.host.object_store import open_store
from handlers.host.settings import HostSettings, KeySettings, StoreSettings
from handlers.wording import duration, missing_files

#: A plan may not keep people waiting: beyond this, uploads are counted only so far.
COUNTING_LIMIT = timedelta(seconds=0.7)
#: The clock is looked at once for so many files.
COUNTED_AT_ONCE = 500
#: How many of the last runs are told of.
RUNS_SHOWN = 3
#: For the newest copy that holds uploads: those of a part may have none.
LOOKED_AT = 5


@dataclass(frozen=True, slots=True)
class DatabaseLook:
    """The database as it was found; without facts, `failure` says why."""

    facts: postgres.DatabaseFacts | None
    failure: HostFailure | None


@dataclass(frozen=True, slots=True)
class StoreLook:
    """One store as it was found."""

    name: str
    free_bytes: int | None
    #: None also where a new copy cannot build on it.
    newest: Snapshot | None
    failure: HostFailure | None

    def judge(self, needed_bytes: int) -> str | None:
        """Why it cannot take the copy; None: it can."""
        if self.failure is not None:
            return self.failure.message
        if self.free_bytes is not None and self.free_bytes < needed_bytes:
            return (
                f"Store {self.name} has {in_units(self.free_bytes)} free"
                f" and may need {in_units(needed_bytes)}."
            )
        return None


@dataclass(frozen=True, slots=True)
class UploadsLook:
    """How much there is; not `complete`: there is more."""

    files: int
    bytes: int
    complete: bool
    #: The bucket in which Zulip keeps them instead; they are not copied then.
    bucket: str | None = None


def choose_stores(
    stores: Sequence[StoreSettings], only: str | None, example: str = "backup now --to"
) -> tuple[StoreSettings, ...]:
    """All stores, or the one that was named; `example` is how one is named."""
    if not stores:
        raise HostFailure(
            "No store is configured, so there is no place to copy to.",
            reason=Reason.NOT_CONFIGURED,
            hint="Add a `[[stores]]` table to zulip-ops.toml.",
        )
    chosen = tuple(store for store in stores if only in (None, store.name))
    if not chosen:
        names = ", ".join(store.name for store in stores)
        raise BadCommand(
            f"There is no store `{only}`.",
            reason=Reason.BAD_ARGUMENT,
            hint=f"Stores are: {names}. Example: `{example} {stores[0].name}`.",
        )
    return chosen


def place(store: StoreSettings) -> str:
    """Where a store lies, as people are told."""
    if store.path is not None:
        return str(store.path)
    bucket = f"s3://{store.bucket}/{store.prefix.strip('/')}".rstrip("/")
    return f"{bucket} at {store.endpoint}" if store.endpoint else bucket


def listed(names: Sequence[str]) -> str:
    """`disk`, `disk and bucket`, `disk, bucket and tape`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def look_at_database(host: HostSettings) -> DatabaseLook:
    """Ask it, and see that the programs of its major version are there."""
    try:
        with postgres.connect(host.database) as connection:
            found = postgres.read_facts(connection)
        postgres.programs_directory(host.database, found.major)
    except HostFailure as failure:
        return DatabaseLook(None, failure)
    return DatabaseLook(found, None)


def look_at_stores(stores: Sequence[StoreSettings], keys: KeySettings) -> tuple[StoreLook, ...]:
    """All at once: one that does not answer must not keep the others waiting."""
    with ThreadPoolExecutor(len(stores)) as threads:
        return tuple(threads.map(partial(_look_at_store, keys), stores))


def look_at_uploads(layout: Layout) -> UploadsLook:
    """Count them for as long as a plan may take."""
    place = zulip_settings.uploads_place(layout)
    if place.buckets is not None:
        return UploadsLook(
            0, 0, complete=True, bucket=place.buckets.files or "that settings.py computes"
        )
    return _count_uploads(place.directory)


def _count_uploads(root: Path) -> UploadsLook:
    deadline = time.monotonic() + COUNTING_LIMIT.total_seconds()
    files = size = 0
    for found in uploads.scan(root):
        files, size = files + 1, size + found.size
        if files % COUNTED_AT_ONCE == 0 and time.monotonic() > deadline:
            return UploadsLook(files, size, complete=False)
    return UploadsLook(files, size, complete=True)


def sealed_to(keys: KeySettings) -> list[JSON]:
    """The ids of the keys that will open the copies, for a plan that is bound to them."""
    return [key_id(each) for each in sorted(lasting(keys))]


def new_upload_bytes(found: UploadsLook, store: StoreLook) -> int:
    """A guess: what there is more of than in the newest copy there that can be built on."""
    held = store.newest.uploads.bytes if store.newest is not None else 0
    return max(0, found.bytes - held)


def estimates(
    database: DatabaseLook | None,
    stores: Sequence[StoreLook],
    found: UploadsLook | None,
    earlier: JSON,
) -> dict[str, JSON]:
    """What to expect, in words; `earlier` are the seconds that the last runs took.

    Without a database or without uploads that part is not copied.
    """
    told = earlier if isinstance(earlier, list) else []
    took = [float(each) for each in told if isinstance(each, int | float)]
    known = None if database is None else database.facts
    return {
        "database_bytes": None if known is None else known.size_bytes,
        "uploads": None if found is None else _uploads(found, stores),
        "warning": None if database is None else inconsistency(stores),
        "the_last_runs_took": ", ".join(duration(seconds) for seconds in took[:RUNS_SHOWN]),
    }


def inconsistency(stores: Sequence[StoreLook]) -> str | None:
    """That files were missing when the newest copies were made; None: they were not."""
    lacking = {
        look.name: look.newest.named_files.missing
        for look in stores
        if look.newest is not None and look.newest.named_files is not None
    }
    names = [name for name, missing in lacking.items() if missing]
    if not names:
        return None
    said = missing_files(max(lacking.values()))
    return f"the newest copy in {', '.join(names)} is inconsistent: {said}"


def _uploads(found: UploadsLook, stores: Sequence[StoreLook]) -> str:
    if found.bucket is not None:
        return f"in the S3 bucket {found.bucket}, where Zulip keeps them; NOT copied"
    new = ", ".join(
        f"for {store.name} {in_units(new_upload_bytes(found, store))}"
        for store in stores
        if store.failure is None
    )
    counted = f"{found.files:,} file{'s' * (found.files != 1)}, {in_units(found.bytes)}"
    return ("" if found.complete else "at least ") + counted + (f"; new {new}" * bool(new))


def preconditions(
    database: DatabaseLook | None, stores: Sequence[StoreLook], found: UploadsLook | None
) -> tuple[Precondition, ...]:
    """The database must answer, where it is copied, and one store must be able to take the copy."""
    known = None if database is None else database.facts
    size = 0 if known is None else known.size_bytes
    verdicts = {
        store.name: store.judge(
            facts.space_needed(size, 0 if found is None else new_upload_bytes(found, store))
        )
        for store in stores
    }
    ready = [name for name, problem in verdicts.items() if problem is None]
    problems = [problem for problem in verdicts.values() if problem is not None]
    said = _ready_sentence(ready)
    ready_store = Precondition("a_store_is_ready", " ".join((said, *problems)), bool(ready))
    if database is None:
        return (ready_store,)
    answers = Precondition(
        "database_answers", _database_sentence(database), database.failure is None
    )
    return (answers, ready_store)


def _ready_sentence(ready: Sequence[str]) -> str:
    if not ready:
        return "No store can take a copy."
    if len(ready) == 1:
        return f"The store {ready[0]} can take a copy."
    return f"The stores {', '.join(ready[:-1])} and {ready[-1]} can take a copy."


def in_units(size: int) -> str:
    """Decimal units, as disks and buckets are sold: `2.4 GB`, `120 MB`, `17 kB`."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
    return f"{size / 1e3:.0f} kB"


def identity(host: HostSettings, database: DatabaseLook | None) -> dict[str, JSON]:
    """Which database and which Zulip are meant; nothing that changes by itself."""
    zulip = facts.zulip_facts(Layout(host.root))
    deployed = {"zulip_version": zulip["version"], "deployment": zulip.get("deployment")}
    if database is None:
        return deployed
    found = database.facts
    return {
        **deployed,
        "database": host.database.name,
        "postgresql_major": None if found is None else found.major,
        "system_identifier": None if found is None else found.system_identifier,
    }


def _database_sentence(database: DatabaseLook) -> str:
    if database.failure is not None:
        return database.failure.message
    assert database.facts is not None
    found = database.facts
    return f"PostgreSQL {found.server_version} answers, and its pg_dump and pg_restore are here."


def _look_at_store(keys: KeySettings, settings: StoreSettings) -> StoreLook:
    try:
        store = open_store(settings)
        store.check()
        newest = _newest(settings, keys)
        return StoreLook(settings.name, store.free_bytes(), newest, None)
    except HostFailure as failure:
        return StoreLook(settings.name, None, None, failure)


def _newest(settings: StoreSettings, keys: KeySettings) -> Snapshot | None:
    store = open_store(settings)
    try:
        held = (read_snapshot(store, each) for each in snapshot_ids(store)[:LOOKED_AT])
        newest = next((each for each in held if UPLOADS in each.streams), None)
    except HostFailure:
        return None  # only an estimate is lost
    return newest if newest is not None and may_build_on(keys, newest.sealing) else None
