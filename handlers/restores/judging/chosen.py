"""The copy that is to be restored: where it is taken from, what is known of it, and its keys."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from handlers.backups import planning
from handlers.backups.repository import STREAMS, Snapshot
from handlers.backups.restoring.source import Source
from handlers.backups.sealing.keys import Keys, keys_at_hand
from handlers.backups.showing.find import Place, find
from handlers.backups.standing import Standing
from handlers.contract import Context
from handlers.host.object_store import open_store
from handlers.wording import duration


@dataclass(frozen=True, slots=True)
class Chosen:
    """One copy in one store."""

    place: Place
    keys: Keys
    #: Which other stores have it too.
    others: tuple[str, ...]
    #: Which stores could not be asked, and why.
    unreadable: tuple[str, ...]

    @property
    def snapshot(self) -> Snapshot:
        return self.place.snapshot

    @property
    def opens(self) -> bool:
        """Whether a key is here for all of it."""
        openers = (self.keys.openers(self.snapshot.sealing, stream) for stream in STREAMS)
        return all(each is None or each for each in openers)

    def source(self, report: Callable[[int], None]) -> Source:
        return Source(open_store(self.place.settings), self.snapshot, self.keys, report)


def choose(context: Context, wanted: str, identity: str | None) -> Chosen:
    """From the store where most is known of it, and from a directory before a bucket.

    Raises BadCommand where there is no such copy, and HostFailure where no store can be read, or
    the named file holds no key.
    """
    found = find(planning.choose_stores(context.stores, None), wanted)
    notes: list[str] = []
    named = None if identity is None else Path(identity)
    keys = keys_at_hand(context.keys, notes.append, named)
    best = max(found.places, key=lambda place: (_trust(place.standing), _is_near(place)))
    return Chosen(
        place=best,
        keys=keys,
        others=tuple(each.settings.name for each in found.places if each is not best),
        unreadable=(*(failure.message for failure in found.unreadable), *notes),
    )


def standing_sentence(standing: Standing, now: datetime) -> str:
    """Which of the three words the copy has, and how old that word is."""
    if standing.is_proven and standing.proven_at is not None:
        return f"It is proven: a drill restored it {_ago(standing.proven_at, now)}."
    said = []
    if standing.verified_at is not None:
        said.append(f"It is verified: it was read back whole {_ago(standing.verified_at, now)}.")
    else:
        said.append("It is only stored: it was never read back whole.")
    if standing.compared_at is not None:
        said.append(f"Its stored bytes were compared {_ago(standing.compared_at, now)}.")
    if standing.refuted_at is not None:
        said.append(f"A drill could NOT restore it {_ago(standing.refuted_at, now)}.")
    else:
        said.append("No drill has restored it.")
    if standing.damaged_at is not None:
        said.append(f"It was found damaged {_ago(standing.damaged_at, now)}.")
    return " ".join(said)


def _trust(standing: Standing) -> int:
    """How much is known of it: proven before verified before stored before damaged."""
    if standing.is_proven:
        return 3
    if standing.refuted_at is not None or standing.damaged_at is not None:
        return 0
    return 2 if standing.verified_at is not None else 1


def _is_near(place: Place) -> bool:
    return place.settings.path is not None


def _ago(at: datetime, now: datetime) -> str:
    return f"{duration(max(0.0, (now - at).total_seconds()))} ago"
