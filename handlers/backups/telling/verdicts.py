"""What became of a copy in each store, and the sentences that tell it."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.fan_out import Destination
from handlers.backups.repository import DATABASE, Snapshot
from handlers.contract import JSON, Outcome
from handlers.errors import HostFailure
from handlers.wording import missing_files

#: Of what is missing, in a sentence.
NAMED_FILES = 5
STATE = "Zulip kept running and nothing on it was changed. Earlier copies are unchanged."


@dataclass(slots=True)
class Verdict:
    """What became of the copy in one store."""

    destination: Destination
    snapshot: Snapshot | None
    failure: HostFailure | None
    is_verified: bool = False

    @property
    def name(self) -> str:
        return self.destination.store.name

    @property
    def missing_files(self) -> int:
        """How many files the database names and the copy has not."""
        named = None if self.snapshot is None else self.snapshot.named_files
        return 0 if named is None else named.missing

    def fact(self) -> JSON:
        stored = self.snapshot
        return {
            "name": self.name,
            "snapshot": None if stored is None else stored.id,
            "stored": stored is not None,
            "verified": self.is_verified,
            "bytes": 0 if stored is None else stored.stored_bytes,
            "new_uploads": 0 if stored is None else stored.uploads.new_files,
            "missing_files": self.missing_files,
            "error": None if self.failure is None else self.failure.message,
        }


def outcome(verdicts: Sequence[Verdict], notes: Sequence[str], seconds: float) -> Outcome:
    """What the run came to; HostFailure where no store has a verified copy."""
    stores: list[JSON] = [verdict.fact() for verdict in verdicts]
    verified = [verdict for verdict in verdicts if verdict.is_verified]
    if not verified:
        raise nothing_verified(verdicts)
    best = verified[0].snapshot
    assert best is not None
    names = planning.listed([verdict.name for verdict in verified])
    failed = [
        f"There is NO verified copy in {verdict.name}. {verdict.failure.message}"
        for verdict in verdicts
        if verdict.failure is not None
    ]
    sentence = (
        f"Backup `{best.id}` is stored in {names}, and was read back whole"
        f"{_from_each(len(verified))}."
        f" It holds {_held(best)}; {_written(verified)}.{_sealed(best)}{_lacking(verified)}"
    )
    return Outcome(
        sentence=" ".join((sentence, *failed, *notes)),
        state=STATE,
        facts={
            "snapshot": best.id,
            "stores": stores,
            "only": best.only,
            "missing_files": max(each.missing_files for each in verified),
            "database_bytes": best.plain_bytes(DATABASE),
            "uploads": best.uploads.files,
            "left_out": list(best.left_out),
            "sealed_to": _key_ids(best),
            "seconds": round(seconds, 1),
        },
        next="backups",
    )


def _held(snapshot: Snapshot) -> str:
    dump = f"the database (dump {planning.in_units(snapshot.plain_bytes(DATABASE))})"
    uploads = f"{snapshot.uploads.files:,} uploads ({snapshot.uploads.new_files:,} new)"
    if "uploads_in_s3" in snapshot.facts:
        uploads = "NO uploads, which Zulip keeps in S3,"
    match snapshot.only:
        case None:
            return f"{dump}, {uploads} and the configuration"
        case "database":
            held = dump
        case "uploads":
            held = uploads
        case _:
            held = "the configuration"
    return f"{held} ALONE, and is no backup of the server"


def _lacking(verified: Sequence[Verdict]) -> str:
    """That it is inconsistent, and what is missing."""
    worst = max(verified, key=lambda each: each.missing_files)
    if not worst.missing_files:
        return ""
    assert worst.snapshot is not None
    assert worst.snapshot.named_files is not None
    first = [f"`{path!a}`" for path in worst.snapshot.named_files.first_missing[:NAMED_FILES]]
    more = worst.missing_files - len(first)
    named = ", ".join(first) + (f" and {more:,} more" if more else "")
    said = missing_files(worst.missing_files)
    return f" It is **inconsistent**: {said}. Not in it: {named}."


def _sealed(snapshot: Snapshot) -> str:
    if snapshot.sealing is None:
        return ""
    keys = [f"{each.use.value} key `{each.id}`" for each in snapshot.sealing.keys_that_last]
    return f" It is sealed to the {planning.listed(keys)}."


def _key_ids(snapshot: Snapshot) -> list[JSON]:
    return [] if snapshot.sealing is None else [k.id for k in snapshot.sealing.keys_that_last]


def _from_each(stores: int) -> str:
    return {1: "", 2: " from both"}.get(stores, " from each")


def _written(verified: Sequence[Verdict]) -> str:
    """How much went to the stores; to one that held earlier uploads, less."""
    sizes = [planning.in_units(v.snapshot.stored_bytes) for v in verified if v.snapshot is not None]
    if len(set(sizes)) > 1:
        each = [f"{size} to {v.name}" for size, v in zip(sizes, verified, strict=True)]
        return f"{planning.listed(each)} were written"
    return f"{sizes[0]} were written" + (" to each store" if len(sizes) > 1 else "")


def nothing_verified(verdicts: Sequence[Verdict]) -> HostFailure:
    """One failure that names what became of every store."""
    failures = [verdict.failure for verdict in verdicts if verdict.failure is not None]
    first = failures[0]
    said = " ".join(dict.fromkeys(failure.message for failure in failures))
    return HostFailure(
        f"No store has a verified copy. {said}",
        reason=first.reason,
        hint=first.hint,
        tail="\n".join(failure.tail for failure in failures if failure.tail),
    )
