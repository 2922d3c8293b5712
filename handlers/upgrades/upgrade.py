"""Upgrade Zulip within its series: backup first, measured from outside, with a way back."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from handlers.backups import planning, take_backup
from handlers.contract import JSON, Context, Handler, Outcome, Plan, Precondition
from handlers.errors import Reason, Refused
from handlers.host import processes, releases
from handlers.host.deployments import Deployment, current_deployment
from handlers.host.layout import Layout
from handlers.upgrades import aftermath, preflight, probing, target, way_back
from handlers.upgrades.failing import leaving_nothing_unsaid
from handlers.upgrades.log_lines import UPGRADING, Steps
from handlers.wording import duration, missing_files

SCRIPT_LIMIT = timedelta(hours=3)
#: Nobody is there to answer questions, and needrestart may restart nothing: not us either.
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "HOME": "/root"}
#: The old deployment is the way back, so the script may not tidy it away.
OPTIONS = ("--skip-purge-old-deployments",)
STEPS = (
    "Take a backup and read it back; without a verified copy nothing is touched",
    "Compare the tarball with its SHA-256 once more",
    "Run upgrade-zulip, and probe Zulip from outside while it runs",
    "Wait until the new version answers from outside, and is healthy",
)
ROLL_BACK = (
    "the deployment of now stays on the host. `rollback` goes back to it as long as the database"
    " has no migration that it does not know. If the upgrade fails with Zulip away and no"
    " migration applied, it is started again at once."
)
RESTORE = (
    "the release brings migrations: once they are applied, the older version does not fit the"
    " database any more, and the way back is to restore the backup that this job takes: `restore`"
    " brings the deployment of now back with it. What is written after the switch would be lost"
    " then."
)


@dataclass(frozen=True, slots=True)
class Args:
    """The release to upgrade to, such as `9.4`."""

    version: str


def plan(context: Context, args: Args) -> Plan:
    """Bound to the bytes of the release, the present deployment and the pending migrations."""
    layout = Layout(context.host.root)
    current = current_deployment(layout)
    target.judge_version(current.version, args.version)
    found = target.look_at(context, args.version)
    stores = planning.choose_stores(context.stores, None)
    database = planning.look_at_database(context.host)
    looks = planning.look_at_stores(stores, context.keys)
    uploads = planning.look_at_uploads(layout)
    pending: list[JSON] = list(found.pending)
    options = preflight.deploy_options(layout)
    return Plan(
        summary=f"Upgrade Zulip from {current.version} to {args.version}, after a verified backup.",
        binding={
            "to_version": args.version,
            "sha256": found.release.sha256,
            "tarball": found.release.origin,
            "from_version": current.version,
            "pending_migrations": pending,
            "deploy_options": " ".join(options) or "none",
            "way_back": "restore" if pending else "rollback",
            "copies_to": {store.name: planning.place(store) for store in stores},
            "sealed_to": planning.sealed_to(context.keys),
            **planning.identity(context.host, database),
        },
        steps=STEPS,
        way_back=RESTORE if pending else ROLL_BACK,
        preconditions=(
            *_preconditions(context, current, found, options),
            *planning.preconditions(database, looks, uploads),
        ),
        estimates={"warning": planning.inconsistency(looks), **_estimates(context, found)},
    )


def run(context: Context, args: Args, plan: Plan) -> Outcome:
    """Nothing is touched before a copy is verified; no step that failed is tried again."""
    release = target.release_of(plan)
    with context.journal.step("Fetch the release"):
        tarball = target.fetch(context, release)
    backup = take_backup.run(
        context, take_backup.Args(), take_backup.plan(context, take_backup.Args())
    )
    before = aftermath.look_before(context)
    _judge_again(plan, before)
    context.journal.fact("from_deployment", before.deployment.path.name)
    snapshot = str(backup.facts["snapshot"])
    with (
        probing.watching(context.host) as watch,
        leaving_nothing_unsaid(context, before, watch, snapshot),
    ):
        with context.journal.step(STEPS[1]):
            releases.compare(tarball, release)
        _run_script(context, before.deployment, tarball)
        way_back.bring_back(context, watch, args.version)
    tarball.unlink(missing_ok=True)
    return _outcome(context, aftermath.look_after(context, before), watch, backup)


def _judge_again(plan: Plan, before: aftermath.Before) -> None:
    """The backup may have taken an hour, in which somebody can have upgraded by hand."""
    if before.deployment.path.name != plan.binding["deployment"]:
        raise Refused(
            f"While the backup was taken, {before.deployment.path.name} became the present"
            " deployment, so the upgrade was not begun.",
            reason=Reason.PLAN_CHANGED,
        )


def _run_script(context: Context, present: Deployment, tarball: Path) -> None:
    with Steps(context.journal, "Run upgrade-zulip", UPGRADING) as steps:
        processes.run(
            (str(present.path / "scripts/upgrade-zulip"), str(tarball), *OPTIONS),
            timeout=SCRIPT_LIMIT,
            output=steps.read,
            environment=ENVIRONMENT,
        )


def _outcome(
    context: Context, left: aftermath.Aftermath, watch: probing.Watch, backup: Outcome
) -> Outcome:
    away = probing.note_downtime(context, watch)
    assert left.current is not None
    before = left.before.deployment
    restorable = left.new_migrations == ()
    return Outcome(
        sentence=f"Zulip was upgraded from {before.version} to {left.current.version}."
        f" {probing.told(away)} Backup `{backup.facts['snapshot']}` was verified before"
        f"{_lacking(backup)}.",
        state=f"{left.sentences()} The deployment before, {before.path.name}, is kept.",
        facts={
            "from_version": before.version,
            "to_version": left.current.version,
            "from_deployment": before.path.name,
            "to_deployment": left.current.path.name,
            "snapshot": backup.facts["snapshot"],
            **left.facts(),
        },
        next="rollback" if restorable else "status",
    )


def _lacking(backup: Outcome) -> str:
    """Files that were missing before stay so: no reason to remain on an old version."""
    missing = backup.facts.get("missing_files")
    if not isinstance(missing, int) or not missing:
        return ""
    return f"; it is **inconsistent**, as {missing_files(missing)}"


def _preconditions(
    context: Context, current: Deployment, found: target.Target, options: tuple[str, ...]
) -> tuple[Precondition, ...]:
    layout = Layout(context.host.root)
    return (
        preflight.no_other_deployment(layout),
        preflight.may_write(layout, layout.configuration, layout.root / "usr"),
        preflight.has_room(layout, found.need),
        preflight.programs_run(layout),
        preflight.zulip_is_well(context, current),
        preflight.options_are_safe(options),
    )


def _estimates(context: Context, found: target.Target) -> dict[str, JSON]:
    told_before = context.hints.get("seconds")
    earlier = told_before if isinstance(told_before, list) else []
    took = [float(each) for each in earlier if isinstance(each, int | float)]
    known = "none" if not found.pending else f"{len(found.pending)} of Zulip's own"
    return {
        "tarball_bytes": found.need.tarball_bytes,
        "migrations": f"{known}; those of its libraries show only when it is unpacked",
        "downtime": "a few seconds without migrations, else as long as they take",
        "the_last_runs_took": ", ".join(duration(each) for each in took[:3]),
    }


HANDLER = Handler(args=Args, plan=plan, run=run)
