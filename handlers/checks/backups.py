"""Does each store hold a recent copy that was verified?"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from handlers.backups.catalogue import SnapshotSummary, list_snapshots
from handlers.checks.contract import Check, Context, Finding, Level, worst
from handlers.checks.stores import Asked, ask_all
from handlers.contract import JSON
from handlers.host.settings import StoreSettings
from handlers.wording import missing_files

#: A daily backup and an hour for it to run.
_WARNING_AGE = timedelta(hours=25)
#: Two daily backups were missed.
_CRITICAL_AGE = timedelta(hours=49)
#: Each one is a request to the store; one answer in the chat shows half as many.
_LISTED = 20
_TAKE_ONE = "Take one with `backup now`, and read its log if it fails."
_HINTS = {
    Level.WARNING: _TAKE_ONE,
    Level.CRITICAL: _TAKE_ONE,
    Level.UNKNOWN: "Run `zulip-ops doctor` on the host; it tries every store.",
}

#: Newest first.
Snapshots = tuple[SnapshotSummary, ...]


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
    verdicts = [_judge(asked, now) for asked in ask_all(context, _newest)]
    level = worst(each.level for each in verdicts)
    said = [each.sentence for each in verdicts if each.level is level]
    return Finding(
        level,
        " ".join(said),
        {"stores": [each.values for each in verdicts]},
        _HINTS.get(level),
    )


def _newest(store: StoreSettings) -> Snapshots:
    return list_snapshots(store, limit=_LISTED)


def _judge(asked: Asked[Snapshots], now: datetime) -> _Verdict:
    name, failure = asked.store.name, asked.failure
    snapshots = asked.answer or ()
    values: dict[str, JSON] = {
        "name": name,
        "problem": failure,
        "snapshots": [_values(each, now) for each in snapshots],
        **dict.fromkeys(
            (*("newest", "created_at", "age_seconds", "verified", "damaged"), "missing_files")
        ),
    }
    if failure is not None:
        return _Verdict(Level.UNKNOWN, f"The store {name} could not be read: {failure}", values)
    if not snapshots:
        return _Verdict(Level.WARNING, f"There is no backup in {name} yet.", values)
    newest = next((each for each in snapshots if each.is_whole), None)
    if newest is None:
        return _Verdict(
            Level.WARNING, f"Of the newest copies in {name} none is of the whole server.", values
        )
    age = now - newest.created_at
    level, verdict = _opinion(newest, age)
    # A length of time would be wrong as soon as it is read.
    taken = f"{newest.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    sentence = f"The newest copy in {name} was taken {taken} and is {verdict}."
    sentence += _content_last_read(newest) + _lacking(newest)
    values |= {
        "newest": newest.id,
        "created_at": newest.created_at.astimezone(UTC).isoformat(),
        "age_seconds": age.total_seconds(),
        "damaged": newest.is_damaged or newest.standing.is_damaged,
        "verified": newest.standing.is_verified,
        "missing_files": newest.missing_files,
    }
    return _Verdict(level, sentence, values)


def _opinion(newest: SnapshotSummary, age: timedelta) -> tuple[Level, str]:
    if newest.is_damaged or newest.standing.is_damaged:
        return Level.CRITICAL, "damaged"
    said = "verified" if newest.standing.verified_at is not None else "not verified"
    if age > _CRITICAL_AGE:
        return Level.CRITICAL, said
    if age > _WARNING_AGE or newest.standing.verified_at is None or newest.missing_files:
        return Level.WARNING, said
    return Level.OK, said


def _content_last_read(newest: SnapshotSummary) -> str:
    """Where only the stored bytes were looked at since, for want of a key."""
    compared, read = newest.standing.compared_at, newest.standing.verified_at
    if compared is None or (read is not None and read >= compared):
        return ""
    last = "never read to its end" if read is None else f"last read on {read:%Y-%m-%d}"
    return f" Its stored bytes were compared on {compared:%Y-%m-%d}; its content was {last}."


def _lacking(newest: SnapshotSummary) -> str:
    if not newest.missing_files:
        return ""
    return f" It is inconsistent: {missing_files(newest.missing_files)}."


def _values(snapshot: SnapshotSummary, now: datetime) -> dict[str, JSON]:
    return {
        "id": snapshot.id,
        "job": snapshot.job,
        "created_at": snapshot.created_at.astimezone(UTC).isoformat(),
        "age_seconds": (now - snapshot.created_at).total_seconds(),
        "size_bytes": snapshot.size_bytes,
        "verified": snapshot.standing.is_verified,
        "verified_at": _iso(snapshot.standing.verified_at),
        "compared_at": _iso(snapshot.standing.compared_at),
        "proven": snapshot.standing.is_proven,
        "proven_at": _iso(snapshot.standing.proven_at),
        "refuted_at": _iso(snapshot.standing.refuted_at),
        "kept_until": _iso(snapshot.kept_until),
        "marked_at": _iso(snapshot.marked_at),
        "zulip_version": snapshot.zulip_version,
        "damaged": snapshot.is_damaged or snapshot.standing.is_damaged,
        "only": snapshot.only,
        "missing_files": snapshot.missing_files,
        "audit_head": None if snapshot.audit_head is None else asdict(snapshot.audit_head),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


CHECK = Check("backups", "Each store holds a recent, verified backup", observe)
