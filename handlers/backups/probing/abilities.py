"""What a store was found to be able to do, as it is noted there for whoever relies on it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from handlers.backups import repository
from handlers.contract import JSON
from handlers.host.store_contract import Store

#: Below which the notes lie, `probes/<moment>.json`, written once.
PROBES = "probes/"
#: How many write one key at once.
RACERS = 16
#: What was found out longer ago may have changed with the server behind the store.
GOOD_FOR = timedelta(days=90)
#: Beyond this, what two clocks say of an expiry is no longer the same.
WORST_CLOCK_ERROR = timedelta(seconds=30)


class Ability(StrEnum):
    """One thing that a store can or cannot do. Stored in notes, never renamed."""

    #: Of many that write one new key at once, exactly one is told that it did.
    ONE_WINNER = "one_winner"
    #: Whose answer was lost finds out by reading whether the object is its own.
    READ_BACK = "read_back"
    #: What does not have the SHA-256 that was sent with it is refused.
    CHECKS_SHA256 = "checks_sha256"
    CHECKS_MD5 = "checks_md5"
    #: What was overwritten or deleted stays for a while.
    VERSIONING = "versioning"
    #: What was written cannot be deleted before its time, by whoever it be.
    OBJECT_LOCK = "object_lock"
    #: With the key of this host objects can be deleted.
    DELETES = "deletes"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found out about one store."""

    at: datetime
    #: None: the question means nothing there, or was not answered.
    found: Mapping[Ability, bool | None]
    #: How far the store's clock is ahead of ours, in seconds; None: it does not tell.
    clock_error_seconds: float | None = None
    #: Of the worst race: how many were told that they had won.
    winners: int = 1

    def can(self, ability: Ability) -> bool:
        """Whether that was seen; what is not known is not relied on."""
        return self.found.get(ability) is True

    @property
    def clocks_agree(self) -> bool:
        """Whether an expiry means the same to both; where no clock is told of, ours counts."""
        error = self.clock_error_seconds
        return error is None or abs(error) <= WORST_CLOCK_ERROR.total_seconds()

    @property
    def may_lease(self) -> bool:
        """Whether a lease can be held there: one holder, who knows it, until a time."""
        return self.can(Ability.ONE_WINNER) and self.can(Ability.READ_BACK) and self.clocks_agree

    def to_json(self) -> dict[str, JSON]:
        return {
            "at": self.at.isoformat(),
            "found": {each.value: self.found.get(each) for each in Ability},
            "clock_error_seconds": self.clock_error_seconds,
            "winners": self.winners,
            # What whoever wants a lease looks at.
            "conditional_writes": self.may_lease,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where the record is not one of ours."""
        return cls(
            at=datetime.fromisoformat(record["at"]),
            found={each: record["found"].get(each.value) for each in Ability},
            clock_error_seconds=record["clock_error_seconds"],
            winners=record["winners"],
        )


def note(store: Store, probe: Probe) -> None:
    """Write it down in the store; HostFailure where that cannot be done."""
    key = f"{PROBES}{repository.moment(probe.at)}.json"
    store.put(key, repository.encode({"format": repository.FORMAT, **probe.to_json()}))


def newest_probe(store: Store) -> Probe | None:
    """What is known of a store; None: nothing, and then nothing may be relied on."""
    names = (entry.key.removeprefix(PROBES) for entry in store.entries(PROBES))
    known = [name for name in names if repository.is_moment(name.removesuffix(".json"))]
    if known:
        # A damaged note tells nothing, as if there were none.
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            return Probe.from_json(json.loads(store.get(PROBES + known[-1])))
    return None
