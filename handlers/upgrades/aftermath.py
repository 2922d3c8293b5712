"""Looks at what an upgrade or a rollback has left, and says it."""

from dataclasses import dataclass
from datetime import timedelta

from handlers.contract import JSON, Context
from handlers.errors import HostFailure
from handlers.host.deployments import Deployment, current_deployment, list_deployments
from handlers.host.layout import Layout
from handlers.upgrades import migrations, probing


@dataclass(frozen=True, slots=True)
class Before:
    """The server as a run found it."""

    deployment: Deployment
    applied: frozenset[str]


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The server as a run left it; what could not be read is None."""

    before: Before
    current: Deployment | None
    #: The version that answered a probe.
    answering: str | None
    new_migrations: tuple[str, ...] | None
    #: A tree that `next` points at though it did not become current.
    unfinished: Deployment | None
    lock_is_left: bool

    @property
    def has_flipped(self) -> bool:
        return self.current is not None and self.current.path != self.before.deployment.path

    @property
    def database_is_as_before(self) -> bool:
        """Known not to have changed; unknown is no."""
        return self.new_migrations == ()

    def sentences(self) -> str:
        """What state the server is in now."""
        said = (self._answer(), self._deployed(), self._database(), *self._left_over())
        return " ".join(each for each in said if each)

    def facts(self) -> dict[str, JSON]:
        return {
            "current_deployment": None if self.current is None else self.current.path.name,
            "answering": self.answering,
            "new_migrations": None if self.new_migrations is None else list(self.new_migrations),
        }

    def _answer(self) -> str:
        if self.answering is None:
            return "Zulip does NOT answer."
        return f"Zulip answers and runs {self.answering}."

    def _deployed(self) -> str:
        if self.current is None:
            return "Which deployment is current could not be read."
        same = " as before" if not self.has_flipped else ""
        return f"`current` points at {self.current.path.name} ({self.current.version}){same}."

    def _database(self) -> str:
        if self.new_migrations is None:
            return "Which migrations were applied could not be read."
        if not self.new_migrations:
            return "No migration was applied."
        return f"Migrations were applied: {', '.join(self.new_migrations)}."

    def _left_over(self) -> tuple[str, ...]:
        left = []
        if self.unfinished is not None:
            left.append(f"`next` points at {self.unfinished.path.name}, which was not finished.")
        if self.lock_is_left:
            left.append(
                "Zulip's own lock is left behind: when no `upgrade-zulip` is running any more,"
                " remove it with `rmdir /home/zulip/deployments/lock`."
            )
        return tuple(left)


def look_before(context: Context) -> Before:
    """Raises HostFailure when it cannot be read, which is reason enough not to begin."""
    return Before(
        current_deployment(Layout(context.host.root)), migrations.applied(context.host.database)
    )


def look_after(context: Context, before: Before) -> Aftermath:
    """Never raises: what cannot be read is told as such."""
    layout = Layout(context.host.root)
    current = _current(layout)
    return Aftermath(
        before=before,
        current=current,
        answering=probing.probe(context.host, timedelta(seconds=2)).version,
        new_migrations=_new_migrations(context, before),
        unfinished=_unfinished(layout, current),
        lock_is_left=layout.deployment_lock.is_dir(),
    )


def _current(layout: Layout) -> Deployment | None:
    try:
        return current_deployment(layout)
    except HostFailure:
        return None


def _unfinished(layout: Layout, current: Deployment | None) -> Deployment | None:
    """A rollback leaves `next` at the tree that ran; that one is `last` and was finished."""
    try:
        found = [tree for tree in list_deployments(layout) if "next" in tree.links]
    except HostFailure:
        return None
    if not found or found[0] == current or "last" in found[0].links:
        return None
    return found[0]


def _new_migrations(context: Context, before: Before) -> tuple[str, ...] | None:
    try:
        return tuple(sorted(migrations.applied(context.host.database) - before.applied))
    except HostFailure:
        return None
