"""Read one copy back whole from where it lies, in every store that has it."""

import time
from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.reading.damage import note_damage
from handlers.backups.reading.following import Means, Tools
from handlers.backups.reading.looking import Seen, Wanted, look
from handlers.backups.reading.verdicts import NO_KEY, STATE, Verdict, failure_of, named, said
from handlers.backups.reading.verify import Verification, verify
from handlers.backups.repository import DATABASE, Snapshot
from handlers.backups.sealing.keys import Keys, keys_at_hand
from handlers.contract import JSON, Context, Handler, Outcome, Plan, Precondition
from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.host.object_store import open_store
from handlers.wording import duration, size

WAY_BACK = "none needed. Nothing on the server is touched; what is found is noted in each store."
LOOK = "Look for the copy in the stores"
#: How many of the last runs are told of.
_RUNS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Args:
    """A job's number or a snapshot's id; the one store to read it in, none: all that have it."""

    copy: str
    store: str | None = None


def plan(context: Context, args: Args) -> Plan:
    """Bound to the snapshot and to the places where it is read; sizes are only shown."""
    wanted = look(context.stores, args.copy, args.store)
    keys = keys_at_hand(context.keys, context.journal.output)
    places: dict[str, JSON] = {
        each.settings.name: planning.place(each.settings) for each in wanted.seen
    }
    return Plan(
        summary=_summary(wanted, keys),
        binding={"snapshot": wanted.id, "read_in": places},
        steps=tuple(_step(each) for each in wanted.there),
        way_back=WAY_BACK,
        preconditions=_preconditions(context, wanted, keys),
        estimates=_estimates(wanted, context.hints.get("seconds")),
    )


def run(context: Context, args: Args, _plan: Plan) -> Outcome:
    """Store by store; one that fails never stops the others."""
    started = time.monotonic()
    with context.journal.step(LOOK):
        wanted = look(context.stores, args.copy, args.store)
        keys = keys_at_hand(context.keys, context.journal.output)
    verdicts = [_read(context, wanted.id, each, keys) for each in wanted.seen]
    context.journal.fact("snapshot", wanted.id)
    context.journal.fact("stores", [each.fact() for each in verdicts])
    if any(each.failure is not None for each in verdicts):
        raise failure_of(wanted, verdicts)
    return Outcome(
        sentence=f"{named(wanted)} is what was written. {said(verdicts)}",
        state=STATE,
        facts={"seconds": round(time.monotonic() - started, 1)},
        next=f"backup show {wanted.id}",
    )


def _read(context: Context, snapshot_id: str, seen: Seen, keys: Keys) -> Verdict:
    if not seen.is_there:
        return Verdict(seen.settings.name, failure=seen.failure)
    try:
        with context.journal.step(_step(seen)):
            return Verdict(seen.settings.name, _read_back(context, snapshot_id, seen, keys))
    except HostFailure as failure:
        return Verdict(seen.settings.name, failure=failure)


def _read_back(context: Context, snapshot_id: str, seen: Seen, keys: Keys) -> Verification:
    store, now = open_store(seen.settings), context.clock.now()
    if seen.snapshot is None:
        assert seen.failure is not None
        note_damage(store, snapshot_id, now, seen.failure)
        raise seen.failure
    means = _means(context, seen.snapshot, keys)
    return verify(store, seen.snapshot, means, context.journal, now)


def _means(context: Context, snapshot: Snapshot, keys: Keys) -> Means:
    database = context.host.database
    means = Means(Tools(database, postgres.DEBIAN), keys, snapshot.sealing)
    if not means.opens_all or DATABASE not in snapshot.streams:
        return means  # nothing reads a dump
    programs = postgres.reading_programs(database, _major(snapshot))
    return Means(Tools(database, programs), keys, snapshot.sealing)


def _major(snapshot: Snapshot) -> int:
    """Of the PostgreSQL that wrote the dump; 0 where the record does not say."""
    facts = snapshot.facts.get("postgresql")
    major = facts.get("major") if isinstance(facts, dict) else None
    return major if isinstance(major, int) else 0


def _step(seen: Seen) -> str:
    return f"Read the copy in store {seen.settings.name} back to its end"


def _summary(wanted: Wanted, keys: Keys) -> str:
    names = planning.listed([each.settings.name for each in wanted.there])
    told = f"Read back every byte where it lies, in {names}: {named(wanted)}."
    snapshot = wanted.snapshot
    if snapshot is not None and not _opens(snapshot, keys):
        told += f" Its stored bytes are compared with its commit record, {NO_KEY}."
    return told


def _opens(snapshot: Snapshot, keys: Keys) -> bool:
    return keys.openers(snapshot.sealing, DATABASE) != ()


def _preconditions(context: Context, wanted: Wanted, keys: Keys) -> tuple[Precondition, ...]:
    snapshot = wanted.snapshot
    if snapshot is None or not _opens(snapshot, keys) or DATABASE not in snapshot.streams:
        return ()
    try:
        _means(context, snapshot, keys)
    except HostFailure as failure:
        return (Precondition("pg_restore_is_here", failure.message, holds=False),)
    said = "A pg_restore that reads this dump is here."
    return (Precondition("pg_restore_is_here", said, holds=True),)


def _estimates(wanted: Wanted, earlier: JSON) -> dict[str, JSON]:
    told = earlier if isinstance(earlier, list) else []
    took = [float(each) for each in told if isinstance(each, int | float)]
    much = [
        f"{size(each.snapshot.stored_bytes)} in {each.settings.name}"
        for each in wanted.seen
        if each.snapshot is not None
    ]
    return {
        "to_read": ", ".join(much),
        "cannot_be_read": " ".join(each.failure.message for each in wanted.seen if each.failure),
        "the_last_runs_took": ", ".join(duration(seconds) for seconds in took[:_RUNS_SHOWN]),
    }


HANDLER = Handler(args=Args, plan=plan, run=run)
