"""Keep one copy until a time, whatever the rules say; or no longer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from handlers.backups import planning
from handlers.backups.repository import commit_key
from handlers.backups.retention import marks
from handlers.backups.retention.finding import InStore, Meant, find_copy
from handlers.backups.retention.lease import lease
from handlers.backups.retention.telling import listing
from handlers.contract import Context, Handler, Outcome, Plan, Precondition
from handlers.errors import BadCommand, HostFailure, OpsError, Reason, Refused
from handlers.host.object_store import open_store

VERB = "backup keep"
#: What is said in the place of a time.
OFF = "off"
STATE = "Nothing on the server was changed, and no copy either."
_HINT = f"For example: `{VERB} 12 until 2027-01-31`."


@dataclass(frozen=True, slots=True)
class Args:
    """A job's number or a snapshot's id; a moment as ISO 8601 has it, or `off`."""

    copy: str
    until: str


def plan(context: Context, args: Args) -> Plan:
    """Bound to its id, the time, and the stores."""
    until, meant = _until(args), _find(context, args)
    names = [place.name for place in meant.places]
    what = f"copy `{meant.id}` in {listing(names)}"
    return Plan(
        summary=f"No longer keep {what}." if until is None else f"Keep {what}{_marked(meant)}.",
        binding={
            "snapshot": meant.id,
            "stores": list(names),
            "until": OFF if until is None else f"{until:%Y-%m-%d %H:%M:%S} UTC",
        },
        steps=tuple(f"Note it in store {name}" for name in names),
        way_back=f"`{VERB} {meant.id} {OFF}`."
        if until is not None
        else "keep it again; a prune marks it at first and removes it later.",
        preconditions=(_precondition(meant, until, context.clock.now()),),
    )


def run(context: Context, args: Args, plan: Plan) -> Outcome:
    """In every store that has it; one that fails never stops the others."""
    until, meant = _until(args), _find(context, args)
    kept: list[str] = []
    failures: list[OpsError] = []
    for place in meant.places:
        with context.journal.step(f"Note it in store {place.name}"):
            try:
                _note(context, place, until)
            except OpsError as failure:
                if failure.ends_run:
                    raise
                failures.append(failure)
            else:
                kept.append(place.name)
    if not kept:
        whys = " ".join(dict.fromkeys(failure.message for failure in failures))
        raise HostFailure(
            f"It could be noted in no store. {whys}",
            reason=failures[0].reason,
            hint=failures[0].hint,
        )
    said = [f"NOT everywhere: {failure.message}" for failure in (*failures, *meant.unreadable)]
    return Outcome(
        sentence=" ".join((_sentence(meant.id, kept, until), *said)),
        state=STATE,
        facts={"snapshot": meant.id, "until": None if until is None else until.isoformat()},
        next=f"backup show {meant.id}",
    )


def _until(args: Args) -> datetime | None:
    if args.until == OFF:
        return None
    try:
        until = datetime.fromisoformat(args.until)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise BadCommand(
            f"`{args.until}` is no moment until which a copy can be kept.",
            reason=Reason.BAD_ARGUMENT,
            hint=_HINT,
        )
    return until.astimezone(UTC)


def _find(context: Context, args: Args) -> Meant:
    return find_copy(planning.choose_stores(context.stores, None), args.copy, VERB)


def _precondition(meant: Meant, until: datetime | None, now: datetime) -> Precondition:
    if until is None:
        is_kept = any(place.copy.kept_until is not None for place in meant.places)
        sentence = "It is kept." if is_kept else "Nobody keeps it; only the rules decide on it."
        return Precondition("it_is_kept", sentence, is_kept)
    holds = until > now
    return Precondition(
        "time_is_to_come", "That time is to come." if holds else "That time is over already.", holds
    )


def _note(context: Context, place: InStore, until: datetime | None) -> None:
    """Under the store's lease: no prune is half way through with it then."""
    store, now = open_store(place.settings), context.clock.now()
    with lease(store, context.job, context.clock):
        if not store.exists(commit_key(place.copy.id)):
            raise Refused(
                f"Store {place.name} has no copy {place.copy.id} any more.",
                reason=Reason.PLAN_CHANGED,
            )
        marks.keep(store, place.copy.id, now, context.job, until)
        if until is not None and place.copy.id in marks.marked(store):
            marks.take_mark_back(store, place.copy.id, now, context.job, "kept")


def _marked(meant: Meant) -> str:
    marked = [place.name for place in meant.places if place.copy.marked_at is not None]
    return f", which is no longer marked to be removed from {listing(marked)}" if marked else ""


def _sentence(snapshot: str, stores: Sequence[str], until: datetime | None) -> str:
    where = listing(stores)
    if until is None:
        return f"Copy `{snapshot}` is no longer kept in {where}; the rules decide on it again."
    return f"Copy `{snapshot}` is kept in {where} until {until:%Y-%m-%d %H:%M} UTC."


HANDLER = Handler(args=Args, plan=plan, run=run)
