"""Does each store hold a recent copy that was verified?"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from handlers.backups.catalogue import SnapshotSummary, list_snapshots
from handlers.checks.contract import Check, Context, Finding, Level, worst
from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host.settings import StoreSettings
from handlers.wording import duration

#: A daily backup and an hour for it to run.
_WARNING_AGE = timedelta(hours=25)
#: Two daily backups were missed.
_CRITICAL_AGE = timedelta(hours=49)
#: Each one is a request to the store; one answer in the chat shows half as many.
_LISTED = 20


@dataclass(slots=True)
class _Asked:
    """One store and what became of the question; filled in by its own thread."""

    store: StoreSettings
    #: Why the store could not be read; taken away last, by an answer.
    failure: str | None
    #: Newest first.
    snapshots: tuple[SnapshotSummary, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    level: Level
    sentence: str
    values: dict[str, JSON]


def observe(context: Context) -> Finding:
    if not context.stores:
        return Finding(
            Level.WARNING,
            "No store is configured, so nothing is backed up.",
            {"stores": []},
            "Add a `[[stores]]` table to zulip-ops.toml.",
        )
    now = context.clock.now()
    verdicts = [_judge(asked, now) for asked in _ask_all(context)]
    level = worst(each.level for each in verdicts)
    said = [each.sentence for each in verdicts if each.level is level]
    return Finding(
        level,
        " ".join(said),
        {"stores": [each.values for each in verdicts]},
        None if level is Level.OK else "Take one with `backup now`, and read its log if it fails.",
    )


def _ask_all(context: Context) -> list[_Asked]:
    """Every store at once, so that one which hangs does not hide the others."""
    seconds = context.patience.total_seconds()
    asked = [_Asked(store, f"no answer within {seconds:g} s.") for store in context.stores]
    threads = [threading.Thread(target=_ask, args=(each,), daemon=True) for each in asked]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return asked


def _ask(asked: _Asked) -> None:
    try:
        snapshots = list_snapshots(asked.store, limit=_LISTED)
    except HostFailure as failure:
        asked.failure = failure.message
    except OSError as error:
        asked.failure = f"{error}."
    else:
        asked.snapshots = snapshots
        asked.failure = None


def _judge(asked: _Asked, now: datetime) -> _Verdict:
    name, failure = asked.store.name, asked.failure
    values: dict[str, JSON] = {
        "name": name,
        "problem": failure,
        "snapshots": [_values(each, now) for each in asked.snapshots],
        **dict.fromkeys(("newest", "age_seconds", "verified")),
    }
    if failure is not None:
        return _Verdict(Level.UNKNOWN, f"Store {name} could not be read: {failure}", values)
    if not asked.snapshots:
        return _Verdict(Level.WARNING, f"Store {name} holds no backup.", values)
    newest = asked.snapshots[0]
    age = now - newest.created_at
    level, verdict = _opinion(newest, age)
    old = duration(max(1.0, age.total_seconds()))
    sentence = f"The newest in {name} is {old} old and {verdict}."
    values |= {
        "newest": newest.id,
        "age_seconds": age.total_seconds(),
        "verified": newest.verified_at is not None,
    }
    return _Verdict(level, sentence, values)


def _opinion(newest: SnapshotSummary, age: timedelta) -> tuple[Level, str]:
    if newest.is_damaged:
        return Level.CRITICAL, "damaged"
    said = "verified" if newest.verified_at is not None else "not verified"
    if age > _CRITICAL_AGE:
        return Level.CRITICAL, said
    if age > _WARNING_AGE or newest.verified_at is None:
        return Level.WARNING, said
    return Level.OK, said


def _values(snapshot: SnapshotSummary, now: datetime) -> dict[str, JSON]:
    return {
        "id": snapshot.id,
        "job": snapshot.job,
        "created_at": snapshot.created_at.astimezone(UTC).isoformat(),
        "age_seconds": (now - snapshot.created_at).total_seconds(),
        "size_bytes": snapshot.size_bytes,
        "verified": snapshot.verified_at is not None,
        "verified_at": _iso(snapshot.verified_at),
        "zulip_version": snapshot.zulip_version,
        "damaged": snapshot.is_damaged,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


CHECK = Check("backups", "Each store holds a recent, verified backup", observe)
