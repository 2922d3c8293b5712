"""Show one copy whole: what is in it, where it lies, who can open it; or how to restore it."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from handlers.backups import planning
from handlers.backups.repository import DATABASE, UPLOADS, Snapshot
from handlers.backups.sealing.record import LASTING
from handlers.backups.showing.by_hand import commands
from handlers.backups.showing.find import Found, Place, find
from handlers.contract import JSON, Context, Handler, Outcome, Plan

STEP = "Look for the copy in the stores"


@dataclass(frozen=True, slots=True)
class Args:
    """A job's number or a snapshot's id; `by_hand` asks for the commands that restore it."""

    copy: str
    by_hand: bool = False


def plan(_context: Context, args: Args) -> Plan:
    return Plan(
        summary=f"Show copy {args.copy}.", binding={}, steps=(STEP,), way_back="none needed."
    )


def run(context: Context, args: Args, _plan: Plan) -> Outcome:
    with context.journal.step(STEP):
        found = find(planning.choose_stores(context.stores, None), args.copy)
        shown = _commands(context, found) if args.by_hand else _details(found, context.clock.now())
    snapshot = found.places[0].snapshot
    names = ", ".join(place.settings.name for place in found.places)
    return Outcome(
        sentence=f"Copy `{snapshot.id}` of job #{snapshot.job} lies in {names}.",
        state="",
        facts={"shown": shown},
    )


def _commands(context: Context, found: Found) -> JSON:
    """From a directory, where one has it: nothing has to be fetched then."""
    place = min(found.places, key=lambda each: each.settings.path is None)
    lines = commands(place.snapshot, place.settings, context.host.database)
    return {"id": place.snapshot.id, "store": place.settings.name, "commands": list(lines)}


def _details(found: Found, now: datetime) -> JSON:
    snapshot = found.places[0].snapshot
    facts = snapshot.facts
    return {
        "id": snapshot.id,
        "job": snapshot.job,
        "created_at": _iso(snapshot.created_at),
        "seconds": (snapshot.committed_at - snapshot.created_at).total_seconds(),
        "stores": [_place(each, now) for each in found.places],
        "unreadable": [failure.message for failure in found.unreadable],
        "zulip": facts.get("zulip"),
        "postgresql": _database(facts.get("postgresql")),
        "system": facts.get("system"),
        "only": snapshot.only,
        "named_files": None if snapshot.named_files is None else asdict(snapshot.named_files),
        "dump_bytes": snapshot.plain_bytes(DATABASE),
        "uploads": _uploads(snapshot),
        "stored_bytes": snapshot.stored_bytes,
        "objects": sum(len(each.objects) for each in snapshot.streams.values()),
        "sealed_to": _sealed_to(snapshot),
        "left_out": list(snapshot.left_out),
    }


def _place(place: Place, now: datetime) -> JSON:
    kept_until = place.kept_until if place.kept_until and place.kept_until > now else None
    return {
        "name": place.settings.name,
        "place": planning.place(place.settings),
        "verified_at": _iso(place.standing.verified_at),
        "compared_at": _iso(place.standing.compared_at),
        "damaged_at": _iso(place.standing.damaged_at) if place.standing.is_damaged else None,
        "proven": place.standing.is_proven,
        "proven_at": _iso(place.standing.proven_at),
        "refuted_at": _iso(place.standing.refuted_at),
        "kept_until": _iso(kept_until),
        "marked_at": _iso(place.marked_at),
    }


def _uploads(snapshot: Snapshot) -> JSON:
    totals = snapshot.uploads
    return {
        "files": totals.files,
        "bytes": totals.bytes,
        "new_files": totals.new_files,
        "new_stored_bytes": sum(
            each.stored_bytes for name, each in snapshot.streams.items() if name == UPLOADS
        ),
        "earlier_copies": len(set(totals.held_by) - {snapshot.id}),
    }


def _database(facts: JSON) -> JSON:
    """Without the names of all migrations."""
    if not isinstance(facts, dict):
        return None
    migrations = facts.get("migrations")
    count = len(migrations) if isinstance(migrations, list) else None
    return {**facts, "migrations": count}


def _sealed_to(snapshot: Snapshot) -> list[JSON]:
    keys = () if snapshot.sealing is None else snapshot.sealing.keys
    return [{"use": each.use.value, "id": each.id} for each in keys if each.use in LASTING]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


HANDLER = Handler(args=Args, plan=plan, run=run)
