"""Find out what each store can do: races, checksums, locks, versions, its clock."""

from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.probing.abilities import Probe, note
from handlers.backups.probing.trying import probe
from handlers.contract import JSON, Context, Handler, Outcome, Plan
from handlers.errors import HostFailure
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings

WAY_BACK = "none needed. A few small objects are written and deleted again; copies are not touched."
STATE = "Nothing on the server was touched, and no copy was."


@dataclass(frozen=True, slots=True)
class Args:
    """The one store to probe; none: all of them."""

    store: str | None = None


def plan(context: Context, args: Args) -> Plan:
    stores = planning.choose_stores(context.stores, args.store, "backup probe")
    places: dict[str, JSON] = {each.name: planning.place(each) for each in stores}
    return Plan(
        summary=f"Find out what {planning.listed(list(places))} can do, and note it there.",
        binding={"probes": places},
        steps=tuple(_step(each) for each in stores),
        way_back=WAY_BACK,
    )


def run(context: Context, args: Args, _plan: Plan) -> Outcome:
    """Store by store; one that fails never stops the others."""
    stores = planning.choose_stores(context.stores, args.store, "backup probe")
    found: dict[str, Probe] = {}
    failures: dict[str, HostFailure] = {}
    for settings in stores:
        try:
            with context.journal.step(_step(settings)):
                found[settings.name] = _probe(context, settings)
        except HostFailure as failure:
            failures[settings.name] = failure
    told: list[JSON] = [{"name": name, **each.to_json()} for name, each in found.items()]
    context.journal.fact("shown", {"stores": told})
    if failures:
        raise _failure(failures, list(found))
    return Outcome(sentence=_probed(list(found)), state=STATE)


def _probe(context: Context, settings: StoreSettings) -> Probe:
    store = open_store(settings)
    found = probe(store, context.clock)
    note(store, found)
    return found


def _step(settings: StoreSettings) -> str:
    return f"Try what store {settings.name} can do"


def _probed(names: list[str]) -> str:
    was = "was" if len(names) == 1 else "were"
    return f"{planning.listed(names)} {was} probed."


def _failure(failures: dict[str, HostFailure], probed: list[str]) -> HostFailure:
    first = next(iter(failures.values()))
    messages = [
        f"{name} could NOT be probed. {failure.message}" for name, failure in failures.items()
    ]
    failure = HostFailure(
        " ".join((*messages, *([_probed(probed)] if probed else []))),
        reason=first.reason,
        hint=first.hint,
    )
    failure.state = STATE
    return failure


HANDLER = Handler(args=Args, plan=plan, run=run)
