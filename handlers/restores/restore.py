"""Restore a copy on the running server: beside, checked, then swapped by renaming."""

from dataclasses import dataclass
from pathlib import Path

from handlers.backups import planning, take_backup
from handlers.backups.repository import CONFIGURATION, Snapshot
from handlers.contract import JSON, Context, Handler, Outcome, Plan
from handlers.errors import BadCommand, HostFailure, Reason, Refused
from handlers.host import postgres
from handlers.host.deployments import Deployment, current_deployment
from handlers.host.layout import Layout
from handlers.restores import beside, settings_diff, telling
from handlers.restores.judging import conditions, lost, present
from handlers.restores.judging.chosen import Chosen, choose
from handlers.restores.judging.mismatches import Made, deployment_for
from handlers.restores.switching import swap, zulip_tools
from handlers.restores.switching.arrangement import DATABASE, Names
from handlers.restores.switching.failing import (
    Switch,
    bringing_back,
    removing_what_is_beside,
    tell_if_lost,
)
from handlers.upgrades import probing, way_back


@dataclass(frozen=True, slots=True)
class Args:
    """The copy, by its job or its id; the server's name, typed; and what of it."""

    copy: str
    server: str
    only: str | None = None
    #: A file with another key, named on the host.
    identity: str | None = None


def plan(context: Context, args: Args) -> Plan:
    """Bound to the copy and its store, to the present database, and to the names that are used."""
    chosen = choose(context, args.copy, args.identity)
    now = present.look(context)
    _check_server(args.server, now.external_host)
    parts, names = conditions.parts_of(context, chosen.snapshot, args.only), Names.of(context)
    snapshot, made = chosen.snapshot, Made.of(chosen.snapshot)
    stores = planning.choose_stores(context.stores, None)
    database = planning.look_at_database(context.host)
    looks = planning.look_at_stores(stores, context.keys)
    uploads = planning.look_at_uploads(Layout(context.host.root))
    tree = deployment_for(made, now) if DATABASE in parts else now.deployment
    return Plan(
        summary=f"Restore {' and '.join(parts)} of copy `{snapshot.id}` on {args.server},"
        " after a verified backup.",
        binding={
            "snapshot": snapshot.id,
            "from_store": f"{chosen.place.settings.name}, {planning.place(chosen.place.settings)}",
            "parts": list[JSON](parts),
            "server": args.server,
            "to_deployment": None if tree is None else tree.path.name,
            "kept_as": telling.kept_as(parts, names),
            "copies_to": {store.name: planning.place(store) for store in stores},
            "sealed_to": planning.sealed_to(context.keys),
            **planning.identity(context.host, database),
        },
        steps=telling.steps(parts),
        way_back=telling.way_back(names, parts),
        preconditions=(
            *conditions.preconditions(context, chosen, now, parts),
            *planning.preconditions(database, looks, uploads),
        ),
        estimates=telling.estimates(context, chosen, now, parts),
    )


def run(context: Context, args: Args, plan: Plan) -> Outcome:
    """Nothing is touched before a copy is verified; no step that failed is tried again."""
    chosen = choose(context, str(plan.binding["snapshot"]), args.identity)
    parts, names = conditions.parts_of(context, chosen.snapshot, args.only), Names.of(context)
    before, after = _deployments(context, chosen.snapshot, parts)
    tell_if_lost(context, names, args.copy, switching=False)
    backup = take_backup.run(
        context, take_backup.Args(), take_backup.plan(context, take_backup.Args())
    )
    switch = Switch(before, after, str(backup.facts["snapshot"]))
    with removing_what_is_beside(context, switch.safety_copy):
        _judge_again(plan, current_deployment(Layout(context.host.root)))
        restored = beside.restore(context, chosen, parts, _programs(context))
        with context.journal.step(telling.STEPS[2]):
            restored.notes.append(_compare_settings(context, chosen))
            tell_if_lost(context, names, args.copy, switching=True)
    with probing.watching(context.host) as watch, bringing_back(context, switch, watch):
        found = _switch(context, chosen, switch, parts)
        way_back.bring_back(context, watch, after.version)
    return telling.outcome(context, chosen, switch, (parts, found), restored.notes, watch)


def _switch(
    context: Context, chosen: Chosen, switch: Switch, parts: tuple[str, ...]
) -> lost.Lost | None:
    """From the first moment at which Zulip is away; what is lost is counted once it is."""
    zulip_tools.stop(context, switch.before.path)
    with context.journal.step("Swap by renaming"):
        found = None
        if DATABASE in parts:
            found = lost.since_copy(context, chosen.snapshot, present.look(context))
        ended = swap.forward(context, parts)
        if ended:
            context.journal.output(f"Disconnected from the database: {', '.join(ended)}.\n")
    if DATABASE in parts:
        zulip_tools.forget(context, switch.after.path)
    switch.was_started = True
    zulip_tools.start(context, switch.after.path)
    return found


def _check_server(typed: str, name: str | None) -> None:
    if name is None:
        raise Refused(
            "What this server is called could not be read from EXTERNAL_HOST in"
            " /etc/zulip/settings.py, so nobody can say that it is the one you mean.",
            reason=Reason.PREFLIGHT_FAILED,
        )
    if typed.casefold() != name.casefold():
        raise BadCommand(
            f"This server is {name}, and you typed {typed}.",
            reason=Reason.BAD_ARGUMENT,
            hint="If it is the right server, ask again with its own name.",
        )


def _deployments(
    context: Context, snapshot: Snapshot, parts: tuple[str, ...]
) -> tuple[Deployment, Deployment]:
    """What runs, and what will: the plan has judged that there is one. Uploads fit any version."""
    now = present.look(context)
    tree = deployment_for(Made.of(snapshot), now) if DATABASE in parts else now.deployment
    if tree is None or now.deployment is None:
        raise Refused("No deployment fits the copy any more.", reason=Reason.PLAN_CHANGED)
    return now.deployment, tree


def _judge_again(plan: Plan, now: Deployment) -> None:
    """The backup may have taken an hour, in which somebody can have upgraded by hand."""
    if now.path.name != plan.binding["deployment"]:
        raise Refused(
            f"While the backup was taken, {now.path.name} became the present deployment, so the"
            " restore was not begun.",
            reason=Reason.PLAN_CHANGED,
        )


def _programs(context: Context) -> Path:
    with postgres.connect(context.host.database) as connection:
        major = postgres.read_facts(connection).major
    return postgres.programs_directory(context.host.database, major)


def _compare_settings(context: Context, chosen: Chosen) -> str:
    """Told and kept in the log; that they differ stops nothing."""
    if CONFIGURATION not in chosen.snapshot.streams:
        return "The copy holds no settings to compare with."
    try:
        found = settings_diff.differences(chosen.source(lambda _: None), Layout(context.host.root))
    except HostFailure as failure:
        return f"Settings could not be compared: {failure.message}"
    for each in found:
        context.journal.output("".join(f"{line}\n" for line in each.lines))
    return settings_diff.summary(found)


HANDLER = Handler(args=Args, plan=plan, run=run)
