"""One copy in one store as retention sees it, as plain data."""

from dataclasses import dataclass
from datetime import datetime

from handlers.backups import repository
from handlers.backups.standing import UNKNOWN, Standing


@dataclass(frozen=True, slots=True)
class Copy:
    """One committed snapshot, and what is known of it."""

    id: str
    #: Nothing: its commit record cannot be read, and nobody knows what it needs.
    job: int | None
    #: Earlier snapshots that came with uploads of this one.
    needs: frozenset[str] = frozenset()
    standing: Standing = UNKNOWN
    #: It is a part, as of `backup now --only database`, and no copy of a server.
    is_part: bool = False
    #: Every file that its database names was there when it was made.
    is_consistent: bool = True
    #: Every object of it lies there in its size, and so do the uploads that it needs.
    is_whole: bool = True
    #: Somebody wants it until then.
    kept_until: datetime | None = None
    #: Since when it is marked to be removed.
    marked_at: datetime | None = None

    @property
    def taken_at(self) -> datetime:
        return repository.moment_of(self.id)

    @property
    def is_readable(self) -> bool:
        return self.job is not None

    @property
    def is_sound(self) -> bool:
        """It was read back, a drill perhaps restored it, and nothing speaks against it since."""
        standing = self.standing
        if self.is_part or not (self.is_readable and self.is_whole):
            return False
        if standing.is_proven:
            return True
        # Reading its bytes back says nothing against a drill that could not restore it.
        if standing.verified_at is None or standing.refuted_at is not None:
            return False
        return standing.damaged_at is None or standing.verified_at > standing.damaged_at

    @property
    def is_proven(self) -> bool:
        return self.is_sound and self.standing.is_proven
