"""Take a backup of database, uploads and configuration, and read it back before it counts."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from handlers.backups import planning, repository
from handlers.backups.committing import commit, remove_uncommitted
from handlers.backups.copying import (
    Copying,
    Group,
    copy_everything,
    group_by_base,
    streams_of,
)
from handlers.backups.earlier_uploads import Base, find_base
from handlers.backups.fan_out import Destination, FanOut
from handlers.backups.reading.following import Following
from handlers.backups.reading.verify import finish
from handlers.backups.repository import DATABASE, UPLOADS
from handlers.backups.sealing.keys import Keys, keys_of_run
from handlers.backups.telling.verdicts import Verdict, nothing_verified, outcome
from handlers.contract import JSON, Context, Handler, Outcome, Plan
from handlers.errors import HostFailure
from handlers.host.layout import Layout
from handlers.host.memory import give_back_large_buffers
from handlers.host.object_store import open_store
from handlers.wording import PARTS

STEPS = (
    "Look at the stores",
    "Copy database, uploads and configuration",
    "Write the commit records",
    "Read every copy back from where it lies",
)
WAY_BACK = (
    "none needed. A backup changes nothing on the server; if it fails, its partial copy is removed."
)


@dataclass(frozen=True, slots=True)
class Args:
    """The one store to copy to, and the one part to copy; none: all of them."""

    to: str | None = None
    only: str | None = None


def plan(context: Context, args: Args) -> Plan:
    """Bound to the database and the places of the stores; sizes are only shown."""
    stores = planning.choose_stores(context.stores, args.to)
    wanted = streams_of(args.only)
    database = planning.look_at_database(context.host) if DATABASE in wanted else None
    looks = planning.look_at_stores(stores, context.keys)
    layout = Layout(context.host.root)
    uploads = planning.look_at_uploads(layout) if UPLOADS in wanted else None
    places: dict[str, JSON] = {store.name: planning.place(store) for store in stores}
    return Plan(
        summary=_summary(args.only, list(places)),
        binding={
            **({} if args.only is None else {"only": args.only}),
            "copies_to": places,
            "sealed_to": planning.sealed_to(context.keys),
            **planning.identity(context.host, database),
        },
        steps=steps(args.only),
        way_back=WAY_BACK,
        preconditions=planning.preconditions(database, looks, uploads),
        estimates=planning.estimates(database, looks, uploads, context.hints.get("seconds")),
    )


def steps(only: str | None) -> tuple[str, ...]:
    """What is done one after the other."""
    if only is None:
        return STEPS
    return (STEPS[0], f"Copy {PARTS[only]} alone", *STEPS[2:])


def _summary(only: str | None, stores: Sequence[str]) -> str:
    if only is None:
        return f"Back up database, uploads and configuration to {planning.listed(stores)}."
    return (
        f"Copy {PARTS[only]} alone to {planning.listed(stores)}. That is no backup of the server,"
        " and does not count as one."
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
    streams, titles = streams_of(args.only), steps(args.only)
    with FanOut(stores, streams=streams) as fan_out, Following() as following:
        with _leaving_nothing_partial(fan_out, snapshot_id):
            with context.journal.step(titles[0]):
                groups = _look_at_stores(context, fan_out, keys, notes)
                context.journal.output("".join(f"{note}\n" for note in notes))
            copying = Copying(context, snapshot_id, fan_out, following, groups, keys, args.only)
            with context.journal.step(titles[1]):
                copy_everything(copying)
            seconds = {"copying": round(time.monotonic() - started, 3)}
            with context.journal.step(titles[2]):
                for group in groups:
                    commit(copying, group, started_at, seconds)
        verdicts = [Verdict(each, each.snapshot, each.failure) for each in fan_out.destinations]
        for verdict in verdicts:
            if verdict.snapshot is not None:
                _read_back(context, following, verdict)
    context.journal.fact("stores", [verdict.fact() for verdict in verdicts])
    return outcome(verdicts, notes, time.monotonic() - started)


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
        raise nothing_verified([Verdict(each, None, each.failure) for each in fan_out.destinations])
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


HANDLER = Handler(args=Args, plan=plan, run=run)
