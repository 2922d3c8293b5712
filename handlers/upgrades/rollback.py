"""Go back to the deployment that ran before, when the database allows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from handlers.contract import JSON, Context, Handler, Outcome, Plan, Precondition
from handlers.errors import HostFailure, OpsError, Reason, Refused
from handlers.host.deployments import Deployment, current_deployment, read_deployment
from handlers.host.layout import Layout
from handlers.upgrades import aftermath, migrations, preflight, probing, way_back

STEPS = (
    "Let the old version compare itself with the database",
    "Run its restart-server, and probe Zulip from outside while it runs",
    "Wait until the old version answers from outside, and is healthy",
)
WAY_BACK = (
    "`rollback` again: the deployment of now stays on the host, and the two are only swapped."
)


@dataclass(frozen=True, slots=True)
class Args:
    """None: the deployment that `last` points at."""


def plan(context: Context, _args: Args) -> Plan:
    """Bound to both deployments, and to what the database has that the old one does not know."""
    layout = Layout(context.host.root)
    current, old = current_deployment(layout), _old_deployment(layout)
    blocking = way_back.in_the_way(context, old.path, migrations.applied(context.host.database))
    unknown: list[JSON] = list(blocking)
    return Plan(
        summary=f"Go back from Zulip {current.version} to {old.version}, which ran before.",
        binding={
            "from_version": current.version,
            "from_deployment": current.path.name,
            "to_version": old.version,
            "to_deployment": old.path.name,
            "migrations_in_the_way": unknown,
            "database": context.host.database.name,
        },
        steps=STEPS,
        way_back=WAY_BACK,
        preconditions=(
            _database_allows(old, blocking),
            preflight.no_other_deployment(layout),
            preflight.may_write(layout),
        ),
        estimates={"downtime": "a few seconds, while Zulip is restarted"},
    )


def run(context: Context, _args: Args, _plan: Plan) -> Outcome:
    """The old deployment's own tool has the last word before anything is touched."""
    old = _old_deployment(Layout(context.host.root))
    way_back.check_database(context, old.path)
    before = aftermath.look_before(context)
    with probing.watching(context.host) as watch, _saying_what_is_left(context, before, watch):
        way_back.restart_from(context, old.path)
        way_back.bring_back(context, watch, old.version)
    away = probing.note_downtime(context, watch)
    left = aftermath.look_after(context, before)
    return Outcome(
        sentence=(
            f"Zulip went back from {before.deployment.version} to {old.version}."
            f" {probing.told(away)}"
        ),
        state=f"{left.sentences()} {before.deployment.path.name} is kept as `last`.",
        facts={
            "from_version": before.deployment.version,
            "to_version": old.version,
            "from_deployment": before.deployment.path.name,
            "to_deployment": old.path.name,
            **left.facts(),
        },
        next="status",
    )


@contextmanager
def _saying_what_is_left(
    context: Context, before: aftermath.Before, watch: probing.Watch
) -> Iterator[None]:
    try:
        yield
    except OpsError as failure:
        probing.note_downtime(context, watch)
        failure.state = aftermath.look_after(context, before).sentences()
        failure.hint = (
            "On the host: `supervisorctl status`, /var/log/zulip/errors.log, and"
            " `/home/zulip/deployments/current/scripts/restart-server` as zulip."
        )
        raise


def _database_allows(old: Deployment, blocking: tuple[str, ...]) -> Precondition:
    name = "database_allows_it"
    if not blocking:
        return Precondition(name, f"{old.version} knows every migration applied.", holds=True)
    return Precondition(
        name,
        f"{old.version} does not know what the database has by now: {', '.join(blocking)}. Old code"
        " on a newer database can damage it, so the way back is to restore the backup that was"
        " taken before the upgrade.",
        holds=False,
    )


def _old_deployment(layout: Layout) -> Deployment:
    """What `last` points at; Refused where it leads nowhere else."""
    try:
        old = read_deployment(layout.last.resolve(strict=True))
    except (OSError, HostFailure):
        raise _nothing_before() from None
    if old.path == layout.current.resolve() or not (old.path / "scripts/restart-server").exists():
        raise _nothing_before()
    return old


def _nothing_before() -> Refused:
    return Refused(
        "There is no deployment to go back to: `last` leads to none.",
        reason=Reason.PREFLIGHT_FAILED,
    )


HANDLER = Handler(args=Args, plan=plan, run=run)
