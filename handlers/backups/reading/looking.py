"""Looks for the stores in which one copy is to be read back."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.repository import Snapshot, commit_key, is_id, read_snapshot
from handlers.backups.showing.find import find, no_such_copy
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class Seen:
    """One store: it has the copy, it has none, or `failure` says what is wrong with it."""

    settings: StoreSettings
    snapshot: Snapshot | None = None
    failure: HostFailure | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is a commit record, be it damaged."""
        found = self.failure is None or self.failure.reason is Reason.VERIFICATION_FAILED
        return found and (self.snapshot is not None or self.failure is not None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The one copy that was asked for, and what each store has of it."""

    id: str
    seen: tuple[Seen, ...]

    @property
    def there(self) -> tuple[Seen, ...]:
        return tuple(each for each in self.seen if each.is_there)

    @property
    def snapshot(self) -> Snapshot | None:
        """Its commit record from a store where that can be read."""
        return next((each.snapshot for each in self.seen if each.snapshot is not None), None)


def look(stores: Sequence[StoreSettings], wanted: str, only: str | None) -> Wanted:
    """Raises BadCommand where there is no such copy, HostFailure where nobody can tell.

    By the number of its job it is found in any store that can be read; from then on each is asked
    for its id, so that one in which its commit record is damaged is not passed over.
    """
    chosen = planning.choose_stores(stores, only, "backup verify 12 --store")
    snapshot_id = wanted if is_id(wanted) else find(stores, wanted).places[0].snapshot.id
    found = Wanted(snapshot_id, tuple(_see(each, snapshot_id) for each in chosen))
    if found.there:
        return found
    failures = [each.failure for each in found.seen if each.failure is not None]
    if only is None or failures:
        raise no_such_copy(wanted, failures)
    raise BadCommand(
        f"There is no copy {snapshot_id} in {only}.",
        reason=Reason.BAD_ARGUMENT,
        hint=f"`backup show {snapshot_id}` says where it lies.",
    )


def _see(settings: StoreSettings, snapshot_id: str) -> Seen:
    try:
        if settings.path is not None and not settings.path.exists():
            raise _directory_missing(settings)
        store = open_store(settings)
        store.check()
        if not store.exists(commit_key(snapshot_id)):
            return Seen(settings)
        return Seen(settings, read_snapshot(store, snapshot_id))
    except HostFailure as failure:
        return Seen(settings, failure=failure)


def _directory_missing(settings: StoreSettings) -> HostFailure:
    return HostFailure(
        f"Store {settings.name}: its directory {settings.path} is missing.",
        reason=Reason.STORE_FAILED,
        hint="Mount its disk, or take a first backup into it.",
    )
