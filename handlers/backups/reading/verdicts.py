"""What was found in each store in which a copy was read back, and what is said of all."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.backups import planning
from handlers.backups.reading.looking import Wanted
from handlers.backups.reading.verify import Verification
from handlers.contract import JSON
from handlers.errors import HostFailure, Reason
from handlers.wording import size

STATE = "Nothing on the server was touched."
NO_KEY = "since no key that opens it is on this host"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one store: the copy was read, or that failed; neither: it has no such copy."""

    store: str
    found: Verification | None = None
    failure: HostFailure | None = None

    @property
    def is_damaged(self) -> bool:
        return self.failure is not None and self.failure.reason is Reason.VERIFICATION_FAILED

    @property
    def sentence(self) -> str:
        if self.failure is not None:
            how = "it is DAMAGED" if self.is_damaged else "it could NOT be read"
            return f"In {self.store} {how}. {self.failure.message}"
        if self.found is None:
            return f"{self.store} has no such copy."
        objects = f"{self.found.objects:,} object" + "s" * (self.found.objects != 1)
        much = f"{objects}, {size(self.found.bytes)}"
        if self.found.is_whole:
            return f"In {self.store} it was read back whole ({much})."
        return (
            f"In {self.store} every stored byte is what was written ({much});"
            f" {self.found.content_last_read}, {NO_KEY}."
        )

    def fact(self) -> JSON:
        found = self.found
        read_at = None if found is None else found.content_read_at
        return {
            "name": self.store,
            "verified": found is not None and found.is_whole,
            "compared": found is not None and not found.is_whole,
            "damaged": self.is_damaged,
            "content_read_at": None if read_at is None else read_at.isoformat(),
            "bytes": 0 if found is None else found.bytes,
            "error": None if self.failure is None else self.failure.message,
        }


def named(wanted: Wanted) -> str:
    """`Snapshot ... of job #12`."""
    job = "" if wanted.snapshot is None else f" of job #{wanted.snapshot.job}"
    return f"Snapshot `{wanted.id}`{job}"


def said(verdicts: Sequence[Verdict]) -> str:
    return " ".join(each.sentence for each in verdicts)


def failure_of(wanted: Wanted, verdicts: Sequence[Verdict]) -> HostFailure:
    """One failure that names what became of every store, the bad ones first."""
    failures = [each.failure for each in verdicts if each.failure is not None]
    damaged = [each for each in verdicts if each.is_damaged]
    bad = damaged or [each for each in verdicts if each.failure is not None]
    in_order = sorted(verdicts, key=lambda each: (not each.is_damaged, each.failure is None))
    how = "is damaged" if damaged else "could not be read"
    names = planning.listed([each.store for each in bad])
    failure = HostFailure(
        f"{named(wanted)} {how} in {names}. {said(in_order)}",
        reason=Reason.VERIFICATION_FAILED if damaged else failures[0].reason,
        hint=_hint(verdicts) if damaged else failures[0].hint,
        tail="\n".join(each.tail for each in failures if each.tail),
    )
    failure.state = STATE
    return failure


def _hint(verdicts: Sequence[Verdict]) -> str:
    good = [each.store for each in verdicts if each.found is not None]
    until = f" Until then rely on the copy in {planning.listed(good)}." if good else ""
    return (
        "Take a new copy with `backup now`, and look for what damages files where this one lies."
        f"{until}"
    )
