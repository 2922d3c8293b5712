"""The notes of retention in a store: until when a copy is kept, and which one is to be removed.

They are objects `<kind>/<snapshot>/<moment>.json`, written once, of which the newest counts. A note
that cannot be read keeps its copy: it is kept without end, and not marked.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from handlers.backups import repository
from handlers.backups.repository import encode
from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host.store_contract import Store

KEPT = "kept/"
#: Marks on copies that are to be removed, and of those that were taken back.
TOMBSTONES = "tombstones/"
#: Of what is kept without end, because nobody can read until when.
FOR_EVER = repository.moment_of("99991231T000000Z")
#: Two notes of one second: the later one is dated a little later.
_TRIES = 10

Found = TypeVar("Found")


def mark(store: Store, snapshot: str, now: datetime, job: int, why: str) -> None:
    """The copy is to be removed, once the grace is over."""
    _add(store, TOMBSTONES, snapshot, now, {"job": job, "why": why, "marked": True})


def take_mark_back(store: Store, snapshot: str, now: datetime, job: int, why: str) -> None:
    """It stays after all."""
    _add(store, TOMBSTONES, snapshot, now, {"job": job, "why": why, "marked": False})


def keep(store: Store, snapshot: str, now: datetime, job: int, until: datetime | None) -> None:
    """No rule lets the copy go before then; None: it is no longer kept."""
    told = None if until is None else until.isoformat()
    _add(store, KEPT, snapshot, now, {"job": job, "until": told})


def marked(store: Store) -> dict[str, datetime]:
    """The copies that are to be removed, each with the moment of its mark."""
    return _newest(store, TOMBSTONES, _is_marked)


def kept(store: Store) -> dict[str, datetime]:
    """The copies that somebody keeps, each with the time until which."""
    return _newest(store, KEPT, _until)


def note_keys(store: Store, kind: str) -> dict[str, list[str]]:
    """All notes of one kind by snapshot, oldest first."""
    found: dict[str, list[str]] = {}
    for entry in store.entries(kind):
        snapshot, _, name = entry.key.removeprefix(kind).partition("/")
        if repository.is_id(snapshot) and repository.is_moment(name.removesuffix(".json")):
            found.setdefault(snapshot, []).append(entry.key)
    return found


def _newest(
    store: Store, kind: str, read: Callable[[Store, str], Found | None]
) -> dict[str, Found]:
    newest = {snapshot: keys[-1] for snapshot, keys in note_keys(store, kind).items()}
    found = {snapshot: read(store, key) for snapshot, key in newest.items()}
    return {snapshot: value for snapshot, value in found.items() if value is not None}


def _is_marked(store: Store, key: str) -> datetime | None:
    record = _read(store, key)
    if record is None or record.get("marked") is not True:
        return None
    return repository.moment_of(key.rpartition("/")[2])


def _until(store: Store, key: str) -> datetime | None:
    record = _read(store, key)
    if record is not None and record.get("until", "") is None:
        return None
    try:
        until = datetime.fromisoformat(str((record or {})["until"]))
        return until if until.tzinfo is not None else FOR_EVER
    except (KeyError, ValueError):
        return FOR_EVER


def _read(store: Store, key: str) -> Mapping[str, JSON] | None:
    """None where it is no note of ours; HostFailure where the store cannot be read."""
    try:
        record = json.loads(store.get(key))
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _add(store: Store, kind: str, snapshot: str, at: datetime, record: Mapping[str, JSON]) -> None:
    data = encode({"format": repository.FORMAT, **record})
    newest = note_keys(store, kind).get(snapshot, [""])[-1]
    # It has to be the newest, also after a clock was set back.
    if newest:
        at = max(at, repository.moment_of(newest.rpartition("/")[2]) + timedelta(seconds=1))
    for _ in range(_TRIES):
        if store.claim(f"{kind}{snapshot}/{repository.moment(at)}.json", data):
            return
        at += timedelta(seconds=1)
    raise HostFailure(f"Store {store.name}: {kind}{snapshot} cannot be noted.")
