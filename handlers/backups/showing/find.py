"""Finds one copy by the number of its job or by its id, in every store that has it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from handlers.backups import repository
from handlers.backups.repository import Snapshot, read_snapshot, snapshot_ids
from handlers.backups.retention import marks
from handlers.backups.standing import UNKNOWN, Standing, standings
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from handlers.host.store_contract import Store

#: By its number a copy is looked for among so many, the newest; each is a request to the store.
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Place:
    """One store that has the copy, and what is noted there of it."""

    settings: StoreSettings
    snapshot: Snapshot
    standing: Standing = UNKNOWN
    #: Somebody keeps it there until then.
    kept_until: datetime | None = None
    #: Since when it is marked to be removed.
    marked_at: datetime | None = None


@dataclass(slots=True)
class Found:
    """Where the copy is; `unreadable` says which stores could not be asked, and why."""

    places: list[Place] = field(default_factory=list)
    unreadable: list[HostFailure] = field(default_factory=list)


def find(stores: Sequence[StoreSettings], wanted: str) -> Found:
    """Raises BadCommand where there is no such copy, or more than one."""
    found = Found()
    for settings in stores:
        try:
            found.places += _in_store(settings, wanted)
        except HostFailure as failure:
            found.unreadable.append(failure)
    ids = sorted({place.snapshot.id for place in found.places}, reverse=True)
    if len(ids) > 1:
        raise BadCommand(
            f"Job #{wanted} made more than one copy: {', '.join(ids)}.",
            reason=Reason.BAD_ARGUMENT,
            hint=f"Name one of them: `backup show {ids[0]}`.",
        )
    if not ids:
        raise no_such_copy(wanted, found.unreadable)
    return found


def _in_store(settings: StoreSettings, wanted: str) -> Iterator[Place]:
    store = open_store(settings)
    matching = list(_matching(store, wanted))
    if not matching:
        return
    noted, kept, marked = standings(store), marks.kept(store), marks.marked(store)
    for each in matching:
        standing = noted.get(each.id, UNKNOWN)
        yield Place(settings, each, standing, kept.get(each.id), marked.get(each.id))


def _matching(store: Store, wanted: str) -> Iterator[Snapshot]:
    ids = snapshot_ids(store)
    if repository.is_id(wanted):
        yield from (read_snapshot(store, each) for each in ids if each == wanted)
        return
    for each in ids[:LOOKED_AT]:
        try:
            snapshot = read_snapshot(store, each)
        except HostFailure as failure:
            if not repository.concerns_one_copy(failure):
                raise
            continue  # of a damaged record nobody knows the job
        if str(snapshot.job) == wanted:
            yield snapshot


def no_such_copy(wanted: str, unreadable: Sequence[HostFailure]) -> BadCommand | HostFailure:
    """What is said where no store has it; those that could not be asked may have it."""
    if unreadable:
        said = " ".join(failure.message for failure in unreadable)
        return HostFailure(
            f"No store that can be read has a copy `{wanted}`. {said}",
            reason=Reason.STORE_FAILED,
            hint=unreadable[0].hint,
        )
    what = f"copy `{wanted}`" if repository.is_id(wanted) else f"copy of job #{wanted}"
    return BadCommand(
        f"There is no {what} in any store.",
        reason=Reason.BAD_ARGUMENT,
        hint="`backups` lists them, with their jobs and their ids.",
    )
