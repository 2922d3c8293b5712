"""Prunes one store: what is due is looked at and judged once more before each thing that goes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from handlers.backups.retention import marks
from handlers.backups.retention.lease import Lease
from handlers.backups.retention.phases import Phases, lay_out
from handlers.backups.retention.removal import Removing
from handlers.backups.retention.survey import Surveyor
from handlers.backups.retention.telling import counted, why_nothing
from handlers.contract import JSON, Context
from handlers.errors import HostFailure, OpsError
from handlers.host.settings import RetentionSettings
from handlers.wording import size


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was consented to in one store: nothing else is touched there."""

    mark: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    take_back: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()


@dataclass(slots=True)
class Done:
    """What became of one store."""

    store: str
    marked: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    freed_bytes: int = 0
    #: What the store did not let go, in its words.
    refused: list[str] = field(default_factory=list)
    #: Why the store was given up; None: it was not.
    failure: OpsError | None = None
    #: The store as it was found, for why nothing goes.
    phases: Phases | None = None

    def fact(self) -> JSON:
        return {
            "name": self.store,
            "marked": list(self.marked),
            "removed": list(self.removed),
            "taken_back": list(self.taken_back),
            "cleared": list(self.cleared),
            "freed_bytes": self.freed_bytes,
            "refused": list(self.refused),
            "error": None if self.failure is None else self.failure.message,
        }

    def sentence(self, rules: RetentionSettings) -> str:
        told = [
            f"{counted(len(ids))} {'was' if len(ids) == 1 else 'were'} {what}"
            for ids, what in (
                (self.marked, "marked"),
                (self.removed, "removed"),
                (self.taken_back, "taken back, since the rules want it again"),
            )
            if ids
        ]
        if self.cleared:
            told.append(f"leftovers of {len(self.cleared)} were cleared")
        free = f" ({size(self.freed_bytes)} free)" if self.freed_bytes else ""
        said = [f"In {self.store} {', '.join(told) or 'no copy went'}{free}."]
        held = (
            None if self.phases is None else why_nothing(self.phases.judgement, self.store, rules)
        )
        said += [held] if held is not None else []
        said += [f"NOT removed: {each}" for each in dict.fromkeys(self.refused)]
        said += [f"It ended early. {self.failure.message}"] if self.failure is not None else []
        return " ".join(said)


def prune_store(
    surveyor: Surveyor,
    lease: Lease | None,
    agreed: Agreed,
    context: Context,
    done: Done,
) -> None:
    """Marks first, then removals, then what belongs to nobody any more.

    Between two looks somebody may have kept a copy, or a drill have refuted another: each copy is
    judged again right before it goes. Raises HostFailure where the store cannot be read any more.
    """
    pruning = _Pruning(surveyor, Removing(surveyor.store, lease), context, done)
    due = done.phases = pruning.look()
    for snapshot in _both(due.take_back, agreed.take_back):
        marks.take_mark_back(surveyor.store, snapshot, context.clock.now(), context.job, "wanted")
        done.taken_back.append(snapshot)
    for snapshot in _both(due.mark, agreed.mark):
        marks.mark(surveyor.store, snapshot, context.clock.now(), context.job, "by rule")
        done.marked.append(snapshot)
    for snapshot in _both(due.remove, agreed.remove):
        if snapshot in pruning.look().remove:
            pruning.attempt(snapshot, pruning.removing.retire, done.removed)
    for snapshot in _both(due.clear, agreed.clear):
        pruning.clear(snapshot)


@dataclass(frozen=True, slots=True)
class _Pruning:
    """One store while it is pruned."""

    surveyor: Surveyor
    removing: Removing
    context: Context
    done: Done

    def look(self) -> Phases:
        context = self.context
        return lay_out(self.surveyor.look(), context.retention, context.clock.now())

    def clear(self, snapshot: str) -> None:
        phases = self.look()
        if snapshot not in phases.clear:
            return
        is_whole = snapshot in phases.survey.of_no_use(self.context.clock.now())
        do = self.removing.clear if is_whole else self.removing.trim
        self.attempt(snapshot, do, self.done.cleared)

    def attempt(self, snapshot: str, do: Callable[[str], int], went: list[str]) -> None:
        """What is refused is told, and the rest goes on."""
        self.context.journal.progress(f"Removing {snapshot} from store {self.surveyor.store.name}.")
        try:
            self.done.freed_bytes += do(snapshot)
        except HostFailure as failure:
            if failure.ends_run:
                raise
            self.done.refused.append(failure.message)
        else:
            went.append(snapshot)


def _both(due: tuple[str, ...], agreed: frozenset[str]) -> list[str]:
    return [each for each in due if each in agreed]
