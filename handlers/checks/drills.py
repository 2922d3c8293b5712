"""Was a copy brought to life lately, and did the last drill pass?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from handlers.backups.repository import snapshot_ids
from handlers.backups.standing import Standing, standings
from handlers.checks.contract import Check, Context, Finding, Level
from handlers.checks.stores import Asked, ask_all
from handlers.contract import JSON
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings

_DRILL = "Run `drill`, and let it recur: docs/operations.md has the schedule."
_AFTER_FAILURE = "Take a new backup with `backup now`, and `drill` that."
_DOCTOR = "Run `zulip-ops doctor` on the host; it tries every store."


@dataclass(frozen=True, slots=True)
class Drilled:
    """What the notes of one store say of one drill."""

    store: str
    snapshot: str
    at: datetime
    passed: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one store: how many copies lie there, and every copy's newest drills."""

    copies: int
    drills: tuple[Drilled, ...]


def observe(context: Context) -> Finding:
    asked = ask_all(context, _look)
    seen = [each.answer for each in asked if each.answer is not None]
    drills = [drill for each in seen for drill in each.drills]
    copies = sum(each.copies for each in seen)
    values = _values(drills)
    last = max(drills, key=lambda each: each.at, default=None)
    if context.host.drills.every_days == 0 and (last is None or last.passed):
        return Finding(Level.OK, f"No drills are expected here. {_last(drills)}".strip(), values)
    finding = _judge(drills, copies, context)
    unread = _unread(asked)
    if unread is None or finding.level is Level.CRITICAL:
        return Finding(finding.level, finding.sentence, values, finding.hint)
    if seen and finding.level is Level.OK:
        return Finding(Level.OK, f"{finding.sentence} {unread}", values)
    # What is missed here may well lie there.
    return Finding(Level.UNKNOWN, unread, values, _DOCTOR)


def _look(settings: StoreSettings) -> Seen:
    store = open_store(settings)
    noted = standings(store).items()
    return Seen(
        copies=len(snapshot_ids(store)),
        drills=tuple(drill for each in noted for drill in _drills(store.name, *each)),
    )


def _drills(store: str, snapshot: str, standing: Standing) -> list[Drilled]:
    ends = ((standing.proven_at, True), (standing.refuted_at, False))
    return [Drilled(store, snapshot, at, passed) for at, passed in ends if at is not None]


def _judge(drills: Sequence[Drilled], copies: int, context: Context) -> Finding:
    """The last one decides, whichever store it was of; then how old the last one is that passed."""
    if not drills:
        if not copies:
            return Finding(Level.OK, "There is no copy yet that could be drilled.")
        return Finding(
            Level.WARNING, "No copy was ever restored by a drill: all are unproven.", hint=_DRILL
        )
    last = max(drills, key=lambda each: each.at)
    if not last.passed:
        return Finding(Level.CRITICAL, _last(drills), hint=_AFTER_FAILURE)
    longest = timedelta(days=context.host.drills.every_days)
    if context.clock.now() - last.at > longest:
        sentence = f"{_last(drills)} That is more than {longest.days} days ago."
        return Finding(Level.WARNING, sentence, hint=_DRILL)
    return Finding(Level.OK, _last(drills))


def _last(drills: Sequence[Drilled]) -> str:
    """A length of time would be wrong as soon as it is read."""
    if not drills:
        return ""
    last = max(drills, key=lambda each: each.at)
    when = f"{last.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if last.passed:
        return f"The last drill, on {when}, restored copy {last.snapshot} from {last.store}."
    return f"The last drill, on {when}, failed: copy {last.snapshot} in {last.store} is unproven."


def _unread(asked: Sequence[Asked[Seen]]) -> str | None:
    unread = [each for each in asked if each.failure is not None]
    if not unread:
        return None
    return " ".join(
        f"The store {each.store.name} could not be read: {each.failure}" for each in unread
    )


def _values(drills: Sequence[Drilled]) -> dict[str, JSON]:
    passed = [each for each in drills if each.passed]
    last = max(drills, key=lambda each: each.at, default=None)
    proven = max(passed, key=lambda each: each.at, default=None)
    return {
        "last_at": _iso(last),
        "last_passed": None if last is None else last.passed,
        "last_passing_at": _iso(proven),
    }


def _iso(drill: Drilled | None) -> str | None:
    return None if drill is None else drill.at.astimezone(UTC).isoformat()


CHECK = Check("drills", "A copy was restored by a drill lately", observe)
