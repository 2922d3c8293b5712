"""Let copies go by rule: mark those that no rule wants, remove those that were marked long ago."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.retention.lease import heeds_conditions, lease
from handlers.backups.retention.phases import Phases, lay_out
from handlers.backups.retention.pruning import Agreed, Done, prune_store
from handlers.backups.retention.survey import Surveyor
from handlers.backups.retention.telling import counted, rules_in_words, stays, why_nothing
from handlers.contract import JSON, Context, Handler, Outcome, Plan, Precondition
from handlers.errors import HostFailure, OpsError, Reason
from handlers.host.object_store import open_store
from handlers.host.settings import RetentionSettings, StoreSettings
from handlers.wording import size

STATE = "Nothing on the server was changed. Every copy that stays is whole."


@dataclass(frozen=True, slots=True)
class Args:
    """The one store; none: all of them."""

    store: str | None = None


@dataclass(slots=True)
class _Look:
    """One store as it was found; without phases, `failure` says why."""

    name: str
    phases: Phases | None = None
    failure: OpsError | None = None
    #: Whether the store itself keeps two prunes apart; else only the lock of this host does.
    keeps_lease: bool = True


def plan(context: Context, args: Args) -> Plan:
    """Bound to the very copies, in each store, that are marked and removed."""
    rules = _rules(context)
    chosen = planning.choose_stores(context.stores, args.store)
    looks = [_look(context, settings) for settings in chosen]
    binding: dict[str, JSON] = {"rules": rules_in_words(rules)}
    estimates: dict[str, JSON] = {}
    for look in looks:
        if look.phases is not None:
            binding |= _bound(look.name, look.phases)
            estimates |= _told(look.name, look.phases, rules)
            context.journal.output(_listed(look.name, look.phases, rules))
    found = [look.phases for look in looks if look.phases is not None]
    estimates["only_the_lock_of_this_host_guards"] = [
        look.name for look in looks if not look.keeps_lease
    ]
    return Plan(
        summary=_summary(looks, rules),
        binding=binding,
        steps=tuple(f"Prune store {settings.name}" for settings in chosen),
        way_back=f"a copy that is marked stays whole for {rules.grace_hours} h, in which"
        " `backup keep` with its id takes it back. What was removed cannot be brought back.",
        preconditions=(
            Precondition("a_store_can_be_read", _readable_sentence(looks), holds=bool(found)),
        ),
        estimates=estimates,
    )


def run(context: Context, args: Args, plan: Plan) -> Outcome:
    """Store by store; one that fails never stops the others."""
    rules = _rules(context)
    done: list[Done] = []
    for settings in planning.choose_stores(context.stores, args.store):
        with context.journal.step(f"Prune store {settings.name}"):
            done.append(_prune(context, settings, _agreed(plan, settings.name)))
    context.journal.fact("stores", [each.fact() for each in done])
    if all(each.failure is not None for each in done):
        raise _nothing_done(done)
    return Outcome(
        sentence=" ".join(each.sentence(rules) for each in done),
        state=STATE,
        facts={"freed_bytes": sum(each.freed_bytes for each in done)},
        next="backups",
    )


def _rules(context: Context) -> RetentionSettings:
    if context.retention is None:
        raise HostFailure(
            "There are no rules by which copies go, so all of them stay.",
            reason=Reason.NOT_CONFIGURED,
            hint="Write a table `[backup.retention]` into zulip-ops.toml; its example has one.",
        )
    return context.retention


def _look(context: Context, settings: StoreSettings) -> _Look:
    store = open_store(settings)
    try:
        survey, keeps_lease = Surveyor(store).look(), heeds_conditions(store)
    except HostFailure as failure:
        return _Look(settings.name, failure=failure)
    phases = lay_out(survey, context.retention, context.clock.now())
    return _Look(settings.name, phases, keeps_lease=keeps_lease)


def _prune(context: Context, settings: StoreSettings, agreed: Agreed) -> Done:
    """What nothing is due in is only looked at: perhaps its disk is not even mounted."""
    store, done = open_store(settings), Done(settings.name)
    try:
        if agreed == Agreed():
            done.phases = lay_out(Surveyor(store).look(), context.retention, context.clock.now())
            return done
        with lease(store, context.job, context.clock) as held:
            prune_store(Surveyor(store), held, agreed, context, done)
    except OpsError as failure:
        if failure.ends_run:
            raise
        done.failure = failure
    return done


def _bound(name: str, phases: Phases) -> dict[str, JSON]:
    parts = {
        f"marked_in_{name}": phases.mark,
        f"removed_from_{name}": phases.remove,
        f"no_longer_marked_in_{name}": phases.take_back,
        f"cleared_from_{name}": phases.clear,
    }
    return {each: list(ids) for each, ids in parts.items() if ids}


def _agreed(plan: Plan, name: str) -> Agreed:
    return Agreed(
        mark=_ids(plan, f"marked_in_{name}"),
        remove=_ids(plan, f"removed_from_{name}"),
        take_back=_ids(plan, f"no_longer_marked_in_{name}"),
        clear=_ids(plan, f"cleared_from_{name}"),
    )


def _ids(plan: Plan, name: str) -> frozenset[str]:
    bound = plan.binding.get(name)
    return frozenset(map(str, bound)) if isinstance(bound, list) else frozenset()


def _told(name: str, phases: Phases, rules: RetentionSettings) -> dict[str, JSON]:
    return {
        f"stays_in_{name}": list(stays(phases, rules)),
        f"marked_before_in_{name}": list(phases.waiting),
        f"free_then_in_{name}_bytes": phases.freed_bytes or None,
    }


def _listed(name: str, phases: Phases, rules: RetentionSettings) -> str:
    """For the log, where all of it has room."""
    lines = [f"{name}: {counted(len(phases.survey.copies))}"]
    lines += [f"  {each} is marked" for each in phases.mark]
    lines += [f"  {each} is removed" for each in phases.remove]
    lines += [f"  {each} stays marked" for each in phases.waiting]
    lines += [f"  {each} is cleared" for each in phases.clear]
    lines += [f"  stays: {each}" for each in stays(phases, rules)]
    return "\n".join([*lines, ""])


def _summary(looks: Sequence[_Look], rules: RetentionSettings) -> str:
    found = [look for look in looks if look.phases is not None]
    said = [
        why
        for look in found
        if look.phases is not None
        and (why := why_nothing(look.phases.judgement, look.name, rules)) is not None
    ]
    acting = [each for each in found if each.phases is not None and not each.phases.does_nothing]
    if not acting:
        return " ".join(said) or "No copy goes: the rules want them, or their grace is not over."
    parts = [_in_store(look.name, look.phases) for look in acting if look.phases is not None]
    return " ".join((f"Let copies go by the rules: {'; '.join(parts)}.", *said))


def _in_store(name: str, phases: Phases) -> str:
    told = [
        f"{counted(len(ids))} {what}"
        for ids, what in (
            (phases.mark, "marked"),
            (phases.remove, "removed"),
            (phases.take_back, "wanted again"),
        )
        if ids
    ]
    if phases.clear:
        told.append(f"leftovers of {len(phases.clear)} cleared")
    return f"in {name} {', '.join(told)} ({size(phases.freed_bytes)} free then)"


def _readable_sentence(looks: Sequence[_Look]) -> str:
    failed = [look.failure.message for look in looks if look.failure is not None]
    names = [look.name for look in looks if look.phases is not None]
    read = f"Read: {', '.join(names)}." if names else "No store can be read."
    return " ".join((read, *failed))


def _nothing_done(done: Sequence[Done]) -> HostFailure:
    failures = [each.failure for each in done if each.failure is not None]
    first = failures[0]
    said = " ".join(dict.fromkeys(failure.message for failure in failures))
    return HostFailure(f"No store was pruned. {said}", reason=first.reason, hint=first.hint)


HANDLER = Handler(args=Args, plan=plan, run=run)
