"""Restore a copy for real into a throw-away PostgreSQL, and say what that proved and what not."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from handlers.backups import planning
from handlers.backups.drills import control, evidence, preflight
from handlers.backups.drills.choosing import Chosen, check_keys, choose
from handlers.backups.drills.evidence import COMPLETE, QUICK, Drill
from handlers.backups.drills.findings import says_against_the_copy
from handlers.backups.drills.preflight import Ready
from handlers.backups.drills.rehearsal import STEPS, Rehearsal, rehearse
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.reading.damage import note_damage
from handlers.backups.reading.read_back import DamagedObject
from handlers.backups.repository import commit_key
from handlers.backups.sealing.keys import Keys, keys_at_hand
from handlers.contract import JSON, Context, Handler, Outcome, Plan
from handlers.errors import BadCommand, HostFailure, OpsError, Reason
from handlers.host.object_store import open_store
from handlers.wording import duration

NOTE_STEP = "Note the evidence in the store"
WAY_BACK = (
    "none needed. A drill changes nothing on the server and nothing of the copy; whatever it made"
    " is removed, also when it fails."
)
STATE = "Zulip kept running and nothing on the server was changed. Nothing of the drill is left."


@dataclass(frozen=True, slots=True)
class Args:
    """Which copy, from which store, how thoroughly; or whether drills fail when they have to."""

    copy: str | None = None
    store: str | None = None
    complete: bool = False
    negative_control: bool = False

    def form(self, chosen: Chosen) -> str:
        """What one drill has found wrong, samples of another cannot put right."""
        thorough = self.complete or self.negative_control or chosen.is_refuted
        return COMPLETE if thorough else QUICK


def plan(context: Context, args: Args) -> Plan:
    """Bound to one copy in one store."""
    if args.negative_control and args.complete:
        raise BadCommand(
            "`--negative-control` goes as far as it has to by itself, without `--complete`.",
            reason=Reason.BAD_ARGUMENT,
            hint="Example: `drill --negative-control`.",
        )
    chosen = choose(context.stores, args.copy, args.store)
    check_keys(chosen.snapshot, _keys(context, []))
    ready = preflight.look(context.host, chosen.snapshot)
    return Plan(
        summary=_summary(chosen, args),
        binding={
            "copy": chosen.snapshot.id,
            "store": chosen.settings.name,
            "place": planning.place(chosen.settings),
            "form": args.form(chosen),
            "postgresql": str(ready.version),
        },
        steps=control.STEPS if args.negative_control else (*STEPS, NOTE_STEP),
        way_back=WAY_BACK,
        preconditions=ready.preconditions,
        estimates=_estimates(context, ready),
    )


def run(context: Context, args: Args, plan: Plan) -> Outcome:
    """HostFailure where the copy cannot be restored, or the drill not be carried out."""
    notes: list[str] = []
    keys = _keys(context, notes)
    chosen = choose(context.stores, str(plan.binding["copy"]), str(plan.binding["store"]))
    check_keys(chosen.snapshot, keys)
    copy = Copy(open_store(chosen.settings), chosen.snapshot, keys)
    ready = preflight.look(context.host, chosen.snapshot)
    rehearsal = Rehearsal(context, copy, ready, complete=plan.binding["form"] == COMPLETE)
    rehearsal.findings.warnings += (*ready.warnings, *notes)
    rehearsal.findings.facts["postgresql"] = str(ready.version)
    try:
        if args.negative_control:
            return control.run(rehearsal, STATE)
        return _drill(rehearsal, context.clock.now())
    except OpsError as failure:
        failure.state = failure.state or STATE
        raise


def _drill(rehearsal: Rehearsal, started_at: datetime) -> Outcome:
    context, copy = rehearsal.context, rehearsal.copy
    form = COMPLETE if rehearsal.complete else QUICK
    drill = Drill(copy.snapshot, copy.store, context.job, started_at, form, rehearsal.findings)
    earlier = evidence.Trend()
    with suppress(HostFailure):  # what earlier ones took is only shown
        earlier = evidence.trend(copy.store, form)
    try:
        rehearse(rehearsal)
    except HostFailure as failure:
        if says_against_the_copy(failure) and _is_still_there(copy):
            _refute(context, drill, earlier, failure)
        raise
    with context.journal.step(NOTE_STEP):
        record = evidence.write(drill, context.clock.now(), None)
    return _outcome(drill, record, earlier)


def _is_still_there(copy: Copy) -> bool:
    """What was removed meanwhile, or lies on a disk that is away, is not to blame for it."""
    try:
        return copy.store.exists(commit_key(copy.snapshot.id))
    except HostFailure:
        return False


def _refute(context: Context, drill: Drill, earlier: evidence.Trend, why: HostFailure) -> None:
    """Noted in the store, so that nobody relies on it, and told as an incident."""
    now = context.clock.now()
    record = drill.to_json(now, why)
    try:
        with context.journal.step(NOTE_STEP):
            evidence.write(drill, now, why)
            # Later copies must not build on it, nor be taken for whole because it is there.
            if isinstance(why, DamagedObject) and why.snapshot is not None:
                note_damage(drill.store, why.snapshot, now, why)
    except HostFailure as failure:
        why.hint = f"{failure.message} So the store does not say that it failed. {why.hint or ''}"
    context.journal.fact("shown", {**record, "trend": earlier.to_json()})
    context.journal.fact("failed_drill", {"snapshot": drill.snapshot.id, "store": drill.store.name})


def _outcome(drill: Drill, record: dict[str, JSON], earlier: evidence.Trend) -> Outcome:
    took = drill.findings.rto_seconds or 0.0
    return Outcome(
        sentence=(
            f"Copy `{drill.snapshot.id}` in {drill.store.name} is proven: its database was back"
            f" after {duration(took)}, and {drill.form} checks found it as it was copied."
        ),
        state=STATE,
        facts={
            "snapshot": drill.snapshot.id,
            "store": drill.store.name,
            "form": drill.form,
            "rto_seconds": drill.findings.rto_seconds,
            "rpo_seconds": drill.rpo_seconds,
            "shown": {**record, "trend": earlier.to_json()},
        },
        next="backups",
    )


def _summary(chosen: Chosen, args: Args) -> str:
    snapshot, name = chosen.snapshot, chosen.settings.name
    if args.negative_control:
        return (
            f"Drill copy {snapshot.id} from {name} twice as if it were damaged, once with a flipped"
            " bit and once with an object missing: both drills have to fail. The store is only"
            " read."
        )
    how = "read whole" if args.form(chosen) == COMPLETE else "checked, its uploads by samples"
    return (
        f"Restore copy {snapshot.id} of job #{snapshot.job} from {name} into a throw-away"
        f" PostgreSQL, where it is {how}. Zulip is not started on it."
    )


def _estimates(context: Context, ready: Ready) -> dict[str, JSON]:
    earlier = context.hints.get("seconds")
    told = earlier if isinstance(earlier, list) else []
    took = [float(each) for each in told if isinstance(each, int | float)]
    return {
        "disk_bytes": ready.needed_bytes,
        "restored": (
            "from a file, in parallel"
            if ready.as_file
            else "as it comes from the store, since there is no room for a file"
        ),
        "load": "one or two processors and the disk, behind all others",
        "the_last_runs_took": ", ".join(duration(each) for each in took[: planning.RUNS_SHOWN]),
    }


def _keys(context: Context, notes: list[str]) -> Keys:
    return keys_at_hand(context.keys, notes.append)


HANDLER = Handler(args=Args, plan=plan, run=run)
