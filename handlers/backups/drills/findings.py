"""What a drill finds out, as it goes: phases with their times, what was checked, what was not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from handlers.contract import JSON
from handlers.errors import HostFailure, Reason


class Phase(StrEnum):
    """The parts of a drill whose times are compared with those of earlier ones. Never renamed."""

    PREPARE = "prepare"
    FETCH = "fetch"
    RESTORE = "restore"
    CHECK_DATABASE = "check_database"
    CHECK_FILES = "check_files"


#: What a real restore of the database would take as well; fetched apart only where that is done.
OF_A_RESTORE = (Phase.FETCH, Phase.RESTORE)


@dataclass(slots=True)
class Findings:
    """Grows while the drill runs; what stands in it when it fails is told too."""

    seconds: dict[Phase, float] = field(default_factory=dict)
    #: Sentences of what was found to be as it should.
    checked: list[str] = field(default_factory=list)
    #: Sentences of what nobody has looked at, and why.
    not_checked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    #: Plain values: the newest message, counts, versions.
    facts: dict[str, JSON] = field(default_factory=dict)

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Its time counts only when it ends well, and adds to that of an earlier part of it."""
        started = time.monotonic()
        yield
        took = time.monotonic() - started
        self.seconds[phase] = round(self.seconds.get(phase, 0.0) + took, 3)

    @property
    def rto_seconds(self) -> float | None:
        """How long it takes until the database is back, as far as this drill did it."""
        if Phase.RESTORE not in self.seconds:
            return None
        return round(sum(self.seconds.get(phase, 0.0) for phase in OF_A_RESTORE), 3)


def refuted(sentence: str, *, tail: str = "") -> HostFailure:
    """The copy is not what it should be."""
    return HostFailure(
        sentence,
        reason=Reason.VERIFICATION_FAILED,
        hint="Do not rely on this copy; take a new one and drill that.",
        tail=tail,
    )


def says_against_the_copy(failure: HostFailure) -> bool:
    """Whether a failure is the copy's, and not the drill's or the store's at this moment."""
    return failure.reason is Reason.VERIFICATION_FAILED
