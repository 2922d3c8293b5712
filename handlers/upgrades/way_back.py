"""Goes back to an older deployment, or starts it again, where the database allows it."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from handlers.contract import Context
from handlers.errors import HostFailure, Reason
from handlers.host import processes
from handlers.host.deployments import Deployment, list_deployments
from handlers.host.layout import Layout
from handlers.upgrades import migrations, probing
from handlers.upgrades.aftermath import Aftermath
from handlers.upgrades.log_lines import RESTARTING, Steps

RESTART_LIMIT = timedelta(minutes=15)
CHECK_LIMIT = timedelta(minutes=2)


def in_the_way(context: Context, old: Path, applied: frozenset[str]) -> tuple[str, ...]:
    """The applied migrations that the old deployment does not know and another one does."""
    return migrations.in_the_way(
        applied,
        migrations.known_to(old),
        frozenset[str]().union(*map(migrations.known_to, _others(context, old))),
    )


def _others(context: Context, old: Path) -> Iterable[Path]:
    trees: tuple[Deployment, ...] = list_deployments(Layout(context.host.root))
    return (tree.path for tree in trees if tree.path != old)


def check_database(context: Context, old: Path) -> None:
    """Let the old code's own tool say that it fits the database; HostFailure when it does not.

    It also knows the migrations of the libraries, which lie outside the tree. It changes nothing.
    """
    tool = old / "scripts/lib/check-database-compatibility"
    if not tool.exists():
        return  # our own comparison has to do
    with context.journal.step("Let the old version compare itself with the database"):
        processes.run(
            (str(tool),),
            timeout=CHECK_LIMIT,
            output=context.journal.output,
            user=context.host.database.system_user,
        )


def restart_from(context: Context, tree: Path, script: str = "restart-server") -> None:
    """Run a deployment's own script: with `restart-server`, `current` and `last` are swapped."""
    with Steps(context.journal, f"Run {script} of {tree.name}", RESTARTING) as steps:
        processes.run((str(tree / "scripts" / script),), timeout=RESTART_LIMIT, output=steps.read)


def recover(context: Context, left: Aftermath, watch: probing.Watch) -> str | None:
    """After a failed upgrade bring the old version back if that is safe; what was done, if any.

    Only where Zulip does not answer, and only where the database is known to be as it was.
    """
    if left.answering is not None or not left.database_is_as_before or left.current is None:
        return None
    old = left.before.deployment
    script = "restart-server" if left.has_flipped else "start-server"
    try:
        restart_from(context, old.path, script)
        bring_back(context, watch, old.version)
    except HostFailure as failure:
        return f"{old.version} was to be started again, which failed as well. {failure.message}"
    return f"As no migration was applied, {old.version} was started again."


def bring_back(context: Context, watch: probing.Watch, version: str) -> None:
    """Wait until Zulip answers with that version from outside; HostFailure when it does not."""
    limit = timedelta(seconds=context.host.back_within_seconds)
    with context.journal.step(f"Wait until {version} answers from outside, and is healthy"):
        if not probing.wait_for_version(context.host, watch, version, limit):
            found = watch.probes[-1].version
            raise HostFailure(
                f"Within {processes.in_words(limit)} no probe was answered by a healthy"
                f" {version}; {found or 'nothing'} answers.",
                reason=Reason.STILL_AWAY,
            )
