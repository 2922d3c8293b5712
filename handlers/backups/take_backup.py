"""Take a backup of database, uploads and configuration, and read it back before it counts."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from handlers.backups import planning, repository
from handlers.backups.committing import commit, remove_uncommitted
from handlers.backups.copying import Copying, Group, copy_everything, group_by_base
from handlers.backups.earlier_uploads import Base, find_base
from handlers.backups.fan_out import Destination, FanOut
from handlers.backups.reading.following import Following
from handlers.backups.reading.verify import finish
from handlers.backups.repository import DATABASE, Snapshot
from handlers.backups.sealing.keys import Keys, keys_of_run
from handlers.contract import JSON, Context, Handler, Outcome, Plan
from handlers.errors import HostFailure
from handlers.host.layout import Layout
from handlers.host.memory import give_back_large_buffers
from handlers.host.object_store import open_store

STEPS = (
    "Look at the stores",
    "Copy database, uploads and configuration",
    "Write the commit records",
    "Read every copy back from where it lies",
)
WAY_BACK = (
    "none needed. A backup changes nothing on the server; if it fails, its partial copy is removed."
)
STATE = "Zulip kept running and nothing on it was changed. Earlier copies are unchanged."


@dataclass(frozen=True, slots=True)
class Args:
    """The one store to copy to; none: all of them."""

    to: str | None = None


@dataclass(slots=True)
class Verdict:
    """What became of the copy in one store."""

    destination: Destination
    snapshot: Snapshot | None
    failure: HostFailure | None
    is_verified: bool = False

    @property
    def name(self) -> str:
        return self.destination.store.name

    def fact(self) -> JSON:
        stored = self.snapshot
        return {
            "name": self.name,
            "snapshot": None if stored is None else stored.id,
            "stored": stored is not None,
            "verified": self.is_verified,
            "bytes": 0 if stored is None else stored.stored_bytes,
            "new_uploads": 0 if stored is None else stored.uploads.new_files,
            "error": None if self.failure is None else self.failure.message,
        }


def plan(context: Context, args: Args) -> Plan:
    """Bound to the database and the places of the stores; sizes are only shown."""
    stores = planning.choose_stores(context.stores, args.to)
    database = planning.look_at_database(context.host)
    looks = planning.look_at_stores(stores, context.keys)
    uploads = planning.look_at_uploads(Layout(context.host.root).uploads)
    places: dict[str, JSON] = {store.name: planning.place(store) for store in stores}
    return Plan(
        summary=f"Back up database, uploads and configuration to {_and(list(places))}.",
        binding={
            "copies_to": places,
            "sealed_to": planning.sealed_to(context.keys),
            **planning.identity(context.host, database),
        },
        steps=STEPS,
        way_back=WAY_BACK,
        preconditions=planning.preconditions(database, looks, uploads),
        estimates=planning.estimates(database, looks, uploads, context.hints.get("seconds")),
    )


def run(context: Context, args: Args, _plan: Plan) -> Outcome:
    """Copy to every store at once; one that fails never stops the others."""
    give_back_large_buffers()
    started_at, started = context.clock.now(), time.monotonic()
    settings = planning.choose_stores(context.stores, args.to)
    snapshot_id = repository.new_id(started_at)
    context.journal.fact("snapshot", snapshot_id)
    stores = [open_store(each) for each in settings]
    notes: list[str] = []
    keys = keys_of_run(context.keys, context.state_directory, notes.append)
    with FanOut(stores) as fan_out, Following() as following:
        with _leaving_nothing_partial(fan_out, snapshot_id):
            with context.journal.step(STEPS[0]):
                groups = _look_at_stores(context, fan_out, keys, notes)
                context.journal.output("".join(f"{note}\n" for note in notes))
            copying = Copying(context, snapshot_id, fan_out, following, groups, keys)
            with context.journal.step(STEPS[1]):
                copy_everything(copying)
            seconds = {"copying": round(time.monotonic() - started, 3)}
            with context.journal.step(STEPS[2]):
                for group in groups:
                    commit(copying, group, started_at, seconds)
        verdicts = [Verdict(each, each.snapshot, each.failure) for each in fan_out.destinations]
        for verdict in verdicts:
            if verdict.snapshot is not None:
                _read_back(context, following, verdict)
    return _outcome(copying, verdicts, notes, time.monotonic() - started)


def _look_at_stores(
    context: Context, fan_out: FanOut, keys: Keys, notes: list[str]
) -> tuple[Group, ...]:
    """Make each store ready, and find what it holds already."""
    found: list[tuple[Destination, Base | None]] = []
    for destination in fan_out.destinations:
        try:
            repository.prepare(destination.store, context.clock.now())
            base = find_base(destination.store, keys, notes.append)
            found.append((destination, base))
        except HostFailure as failure:
            destination.fail(failure)
    if not found:
        raise _first_failure(fan_out.destinations)
    return group_by_base(found)


@contextmanager
def _leaving_nothing_partial(fan_out: FanOut, snapshot_id: str) -> Iterator[None]:
    """Whatever happens, a store that got no commit record keeps no objects of this snapshot."""
    try:
        yield
    except BaseException:
        fan_out.close()
        remove_uncommitted(fan_out.destinations, snapshot_id)
        raise
    remove_uncommitted((each for each in fan_out.destinations if not each.is_usable), snapshot_id)


def _read_back(context: Context, following: Following, verdict: Verdict) -> None:
    """Finish reading one copy; its failure is this store's alone."""
    destination, snapshot = verdict.destination, verdict.snapshot
    assert snapshot is not None
    try:
        with context.journal.step(f"Read the copy in store {verdict.name} back to its end"):
            finish(following.of(destination), snapshot, context.journal, context.clock.now())
    except HostFailure as failure:
        verdict.failure = failure
    else:
        verdict.is_verified = True


def _outcome(
    copying: Copying, verdicts: Sequence[Verdict], notes: Sequence[str], seconds: float
) -> Outcome:
    stores: list[JSON] = [verdict.fact() for verdict in verdicts]
    copying.context.journal.fact("stores", stores)
    verified = [verdict for verdict in verdicts if verdict.is_verified]
    if not verified:
        raise _nothing_verified(verdicts)
    best = verified[0].snapshot
    assert best is not None
    database = best.streams[DATABASE]
    names = _and([verdict.name for verdict in verified])
    failed = [
        f"There is NO verified copy in {verdict.name}. {verdict.failure.message}"
        for verdict in verdicts
        if verdict.failure is not None
    ]
    sentence = (
        f"Backup `{copying.snapshot}` is stored in {names}, and was read back whole"
        f"{_from_each(len(verified))}."
        f" It holds the database (dump {planning.in_units(database.plain_bytes)}),"
        f" {best.uploads.files:,} uploads ({best.uploads.new_files:,} new)"
        f" and the configuration; {_written(verified)}.{_sealed(best)}"
    )
    return Outcome(
        sentence=" ".join((sentence, *failed, *notes)),
        state=STATE,
        facts={
            "snapshot": copying.snapshot,
            "stores": stores,
            "database_bytes": database.plain_bytes,
            "uploads": best.uploads.files,
            "left_out": list(best.left_out),
            "sealed_to": _key_ids(best),
            "seconds": round(seconds, 1),
        },
        next="backups",
    )


def _sealed(snapshot: Snapshot) -> str:
    if snapshot.sealing is None:
        return ""
    keys = [f"{each.use.value} key `{each.id}`" for each in snapshot.sealing.keys_that_last]
    return f" It is sealed to the {_and(keys)}."


def _key_ids(snapshot: Snapshot) -> list[JSON]:
    return [] if snapshot.sealing is None else [k.id for k in snapshot.sealing.keys_that_last]


def _from_each(stores: int) -> str:
    return {1: "", 2: " from both"}.get(stores, " from each")


def _written(verified: Sequence[Verdict]) -> str:
    """How much went to the stores; to one that held earlier uploads, less."""
    sizes = [planning.in_units(v.snapshot.stored_bytes) for v in verified if v.snapshot is not None]
    if len(set(sizes)) > 1:
        each = [f"{size} to {v.name}" for size, v in zip(sizes, verified, strict=True)]
        return f"{_and(each)} were written"
    return f"{sizes[0]} were written" + (" to each store" if len(sizes) > 1 else "")


def _nothing_verified(verdicts: Sequence[Verdict]) -> HostFailure:
    """One failure that names what became of every store."""
    failures = [verdict.failure for verdict in verdicts if verdict.failure is not None]
    first = failures[0]
    said = " ".join(dict.fromkeys(failure.message for failure in failures))
    return HostFailure(
        f"No store has a verified copy. {said}",
        reason=first.reason,
        hint=first.hint,
        tail="\n".join(failure.tail for failure in failures if failure.tail),
    )


def _first_failure(destinations: Sequence[Destination]) -> HostFailure:
    return _nothing_verified([Verdict(each, None, each.failure) for each in destinations])


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


HANDLER = Handler(args=Args, plan=plan, run=run)
