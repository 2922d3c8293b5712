"""Delete one copy at once, where nothing speaks for it; uploads that other copies need stay."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.retention.finding import InStore, Meant, find_copy
from handlers.backups.retention.lease import lease
from handlers.backups.retention.objections import objections
from handlers.backups.retention.removal import Removing
from handlers.backups.retention.survey import Survey, Surveyor
from handlers.backups.retention.telling import listing
from handlers.contract import JSON, Context, Handler, Outcome, Plan, Precondition
from handlers.errors import HostFailure, OpsError, Reason, Refused
from handlers.host.object_store import open_store
from handlers.host.store_contract import Store
from handlers.wording import size

VERB = "backup delete"
STATE = "Nothing on the server was changed. Every other copy is whole."


@dataclass(frozen=True, slots=True)
class Args:
    """A job's number or a snapshot's id, and the one store; none: all that have it."""

    copy: str
    store: str | None = None


@dataclass(slots=True)
class _Verdict:
    """What became of it in one store."""

    store: str
    freed_bytes: int = 0
    #: Whether its uploads stay, for copies that need them.
    uploads_stay: bool = False
    failure: OpsError | None = None


def plan(context: Context, args: Args) -> Plan:
    """Bound to its id, to the stores that it goes from, and to where its uploads stay."""
    meant = _find(context, args)
    names = [place.name for place in meant.places]
    staying = [place.name for place in meant.places if _others_need(place.survey, meant.id)]
    binding: dict[str, JSON] = {
        "snapshot": meant.id,
        "goes_from": list(names),
        "its_uploads_stay_for_other_copies_in": list(staying),
    }
    return Plan(
        summary=f"Delete {_described(meant)} from {listing(names)}, at once and for good.",
        binding=binding,
        steps=tuple(f"Delete it from store {name}" for name in names),
        way_back="none. What is deleted cannot be brought back.",
        preconditions=tuple(_precondition(context, place) for place in meant.places),
        estimates={
            f"free_then_in_{place.name}_bytes": _freed(place.survey, meant.id)
            for place in meant.places
        },
    )


def run(context: Context, args: Args, plan: Plan) -> Outcome:
    """Store by store; one that fails never stops the others."""
    snapshot, bound = str(plan.binding["snapshot"]), plan.binding["goes_from"]
    verdicts: list[_Verdict] = []
    for settings in planning.choose_stores(context.stores, args.store):
        if isinstance(bound, list) and settings.name in bound:
            with context.journal.step(f"Delete it from store {settings.name}"):
                verdicts.append(_delete(context, open_store(settings), snapshot))
    context.journal.fact("stores", [_fact(each) for each in verdicts])
    gone = [each for each in verdicts if each.failure is None]
    failures = [each.failure for each in verdicts if each.failure is not None]
    if not gone:
        said = " ".join(dict.fromkeys(failure.message for failure in failures))
        raise HostFailure(
            f"Copy `{snapshot}` was deleted nowhere. {said}",
            reason=failures[0].reason,
            hint=failures[0].hint,
        )
    return Outcome(
        sentence=" ".join((_sentence(snapshot, gone), *(_not_gone(each) for each in failures))),
        state=STATE,
        facts={"snapshot": snapshot, "freed_bytes": sum(each.freed_bytes for each in gone)},
        next="backups",
    )


def _find(context: Context, args: Args) -> Meant:
    stores = planning.choose_stores(context.stores, args.store)
    meant = find_copy(stores, args.copy, VERB)
    if meant.unreadable:
        said = " ".join(failure.message for failure in meant.unreadable)
        raise HostFailure(
            f"Not every store can be asked whether it has the copy. {said}",
            reason=Reason.STORE_FAILED,
            hint=f"Name one that can: `{VERB} {meant.id} --store {meant.places[0].name}`.",
        )
    return meant


def _precondition(context: Context, place: InStore) -> Precondition:
    why = objections(place.survey, place.copy, context.retention, context.clock.now())
    name = f"it_may_go_from_{place.name}"
    if why:
        sentence = f"It cannot be deleted from {place.name}: {listing(why)}."
        return Precondition(name, sentence, holds=False)
    return Precondition(name, f"In {place.name} nothing speaks for keeping it.", holds=True)


def _delete(context: Context, store: Store, snapshot: str) -> _Verdict:
    """Looked at and judged once more, under the store's lease."""
    verdict = _Verdict(store.name)
    try:
        with lease(store, context.job, context.clock) as held:
            survey = Surveyor(store).look()
            _refuse_again(context, survey, snapshot)
            removing = Removing(store, held)
            verdict.freed_bytes = removing.retire(snapshot)
            verdict.uploads_stay = _others_need(survey, snapshot)
            if not verdict.uploads_stay:
                verdict.freed_bytes += removing.clear(snapshot)
    except OpsError as failure:
        if failure.ends_run:
            raise
        verdict.failure = failure
    return verdict


def _refuse_again(context: Context, survey: Survey, snapshot: str) -> None:
    copies = [copy for copy in survey.copies if copy.id == snapshot]
    if not copies:
        raise Refused(
            f"Store {survey.store} has no copy {snapshot} any more.", reason=Reason.PLAN_CHANGED
        )
    why = objections(survey, copies[0], context.retention, context.clock.now())
    if why:
        raise Refused(
            f"It cannot be deleted from {survey.store}: {listing(why)}.",
            reason=Reason.PREFLIGHT_FAILED,
        )


def _others_need(survey: Survey, snapshot: str) -> bool:
    return survey.without([snapshot]).is_needed(snapshot)


def _freed(survey: Survey, snapshot: str) -> int:
    if _others_need(survey, snapshot):
        return survey.own_bytes_of(snapshot)
    return survey.bytes_of(snapshot)


def _described(meant: Meant) -> str:
    if meant.job is None:
        return f"copy `{meant.id}`, whose commit record is damaged,"
    return f"copy `{meant.id}` of job #{meant.job}"


def _sentence(snapshot: str, gone: Sequence[_Verdict]) -> str:
    freed = size(sum(each.freed_bytes for each in gone))
    staying = [each.store for each in gone if each.uploads_stay]
    where = listing([each.store for each in gone])
    said = f"Copy `{snapshot}` was deleted from {where} ({freed} free)."
    if staying:
        said += f" Uploads that came with it stay in {listing(staying)}: other copies need them."
    return said


def _not_gone(failure: OpsError) -> str:
    return f"NOT everywhere: {failure.message}"


def _fact(verdict: _Verdict) -> JSON:
    return {
        "name": verdict.store,
        "deleted": verdict.failure is None,
        "uploads_stay": verdict.uploads_stay,
        "freed_bytes": verdict.freed_bytes,
        "error": None if verdict.failure is None else verdict.failure.message,
    }


HANDLER = Handler(args=Args, plan=plan, run=run)
