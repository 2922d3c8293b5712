"""Show what a restore would do, cost and lose, and everything that stands in its way first."""

from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.repository import DATABASE as DUMP
from handlers.contract import JSON, Context, Handler, Outcome, Plan
from handlers.host.layout import Layout
from handlers.restores.judging import conditions, estimating, lost, present
from handlers.restores.judging.chosen import choose, standing_sentence
from handlers.restores.judging.mismatches import Made
from handlers.restores.switching import leftovers
from handlers.restores.switching.arrangement import DATABASE

STEPS = ("Look for the copy in the stores", "Hold it against this server")


@dataclass(frozen=True, slots=True)
class Args:
    """The copy, by its job or its id, and what of it."""

    copy: str
    only: str | None = None
    #: A file with another key, named on the host.
    identity: str | None = None


def plan(_context: Context, args: Args) -> Plan:
    return Plan(
        summary=f"Plan the restore of copy {args.copy}.",
        binding={},
        steps=STEPS,
        way_back="none needed.",
    )


def run(context: Context, args: Args, _plan: Plan) -> Outcome:
    """Nothing is changed, and nothing of the copy but its commit record is read."""
    with context.journal.step(STEPS[0]):
        chosen = choose(context, args.copy, args.identity)
    with context.journal.step(STEPS[1]):
        now = present.look(context)
        parts = conditions.parts_of(context, chosen.snapshot, args.only)
        checks = conditions.preconditions(context, chosen, now, parts)
        gone = lost.since_copy(context, chosen.snapshot, now) if DATABASE in parts else None
    snapshot, made = chosen.snapshot, Made.of(chosen.snapshot)
    stops = [check.sentence for check in checks if not check.holds]
    verdict = "It can be restored here." if not stops else "It can NOT be restored here as it is."
    shown: dict[str, JSON] = {
        "id": snapshot.id,
        "job": snapshot.job,
        "created_at": snapshot.created_at.isoformat(),
        "parts": list[JSON](parts),
        "store": chosen.place.settings.name,
        "place": planning.place(chosen.place.settings),
        "also_in": list[JSON](chosen.others),
        "stops": list[JSON](stops),
        "holds": [check.sentence for check in checks if check.holds],
        "worth_knowing": list[JSON](conditions.warnings(context, chosen, now)),
        "standing": standing_sentence(chosen.place.standing, context.clock.now()),
        "would_be_lost": None if gone is None else gone.sentence(),
        "lost_messages": None if gone is None else gone.messages,
        "lost_seconds": None if gone is None else gone.seconds,
        "database_bytes": made.size_bytes if DATABASE in parts else None,
        "dump_bytes": snapshot.streams[DUMP].plain_bytes if DATABASE in parts else None,
        "uploads": snapshot.uploads.files,
        "uploads_bytes": snapshot.uploads.bytes,
        "stored_bytes": snapshot.stored_bytes,
        "left_over": list[JSON](leftovers.sentences(context, Layout(context.host.root))),
        **estimating.expected(context, snapshot, parts),
    }
    return Outcome(
        sentence=f"Copy `{snapshot.id}` of job #{snapshot.job}: {verdict}",
        state="",
        facts={"shown": shown},
    )


HANDLER = Handler(args=Args, plan=plan, run=run)
