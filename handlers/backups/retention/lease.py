"""Keeps two prunes of one store apart, whichever hosts they run on: a lease that lies in the store.

Leases are objects with rising numbers, of which the newest counts. Whoever wants one writes the
next number, which only one can do; it is given back by a number more, which says so.
"""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.backups import repository
from handlers.backups.repository import encode
from handlers.contract import Clock
from handlers.errors import HostFailure, Reason, Refused
from handlers.host.local_store import LocalStore
from handlers.host.store_contract import Store

LEASES = "leases/"
#: What `backup probe` found out about a store; the newest note counts.
PROBES = "probes/"
LASTS = timedelta(minutes=30)
#: The store is asked whose it is no oftener than this; until it ends nobody else can take it.
LOOK_EVERY = timedelta(seconds=30)


@dataclass(slots=True)
class Lease:
    """Held until it is given back; taken anew in time by whoever asks whether it still holds."""

    store: Store
    job: int
    clock: Clock
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    number: int = 0
    #: By a clock that nobody can set.
    _taken: float = 0.0
    _looked: float = 0.0

    def take(self) -> None:
        """Raises Refused while somebody else has it."""
        newest = _newest(self.store)
        now = self.clock.now()
        if newest is not None:
            number, until = newest.number, newest.held_until
            if newest.token != self.token and until is not None and until > now:
                raise _busy(self.store, newest)
            self.number = number
        self._write(self.number + 1, now + LASTS)
        self._taken = self._looked = time.monotonic()

    def check(self) -> None:
        """Before each thing that is deleted: whether nobody else may have taken it by now."""
        now = time.monotonic()
        if timedelta(seconds=now - self._looked) < LOOK_EVERY:
            return
        held = timedelta(seconds=now - self._taken)
        newest = _newest(self.store)
        if newest is None or newest.token != self.token or held >= LASTS:
            raise _lost(self.store)
        self._looked = now
        if held >= LASTS / 2:
            self.take()

    def give_back(self) -> None:
        """Best effort: it ends by itself."""
        with suppress(HostFailure, Refused):
            self._write(self.number + 1, None)

    def _write(self, number: int, until: datetime | None) -> None:
        record = {
            "format": repository.FORMAT,
            "token": self.token,
            "job": self.job,
            "held_until": None if until is None else until.isoformat(),
        }
        is_ours = self.store.claim(_key(number), encode(record))
        newest = _newest(self.store)
        if not is_ours or newest is None or newest.number != number:
            # Somebody was quicker, or has had it and gave it back since our listing.
            raise _busy(self.store, newest)
        self.number = number
        for each in _numbers(self.store):
            if each < number:
                with suppress(HostFailure):
                    self.store.delete(_key(each))


@dataclass(frozen=True, slots=True)
class _Written:
    """One lease as it lies in the store; one that cannot be read is nobody's."""

    number: int
    token: str = ""
    job: int | None = None
    #: None: it was given back.
    held_until: datetime | None = None


@contextmanager
def lease(store: Store, job: int, clock: Clock) -> Iterator[Lease | None]:
    """The lease while the block runs; None where the store cannot keep one, for then only the lock
    of this host keeps two prunes apart. Raises Refused while somebody else has it."""
    if not heeds_conditions(store):
        yield None
        return
    held = Lease(store, job, clock)
    held.take()
    try:
        yield held
    finally:
        held.give_back()


def heeds_conditions(store: Store) -> bool:
    """Whether of two who write one object at once only one can win; what nobody tried does not."""
    if isinstance(store, LocalStore):
        return True
    newest = max((entry.key for entry in store.entries(PROBES)), key=_name, default=None)
    if newest is None:
        return False
    try:
        record = json.loads(store.get(newest))
        return record["conditional_writes"] is True
    except (KeyError, TypeError, ValueError):
        return False


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _key(number: int) -> str:
    return f"{LEASES}{number:012d}.json"


def _numbers(store: Store) -> list[int]:
    names = (_name(entry.key).removesuffix(".json") for entry in store.entries(LEASES))
    return sorted(int(name) for name in names if name.isdecimal())


def _newest(store: Store) -> _Written | None:
    numbers = _numbers(store)
    if not numbers:
        return None
    try:
        record = json.loads(store.get(_key(numbers[-1])))
        until = record["held_until"]
        held_until = None if until is None else datetime.fromisoformat(until)
        return _Written(numbers[-1], record["token"], record["job"], held_until)
    except (KeyError, TypeError, ValueError):
        return _Written(numbers[-1])


def _busy(store: Store, holder: _Written | None) -> Refused:
    by = "somebody else"
    if holder is not None and holder.job is not None:
        by = f"job #{holder.job}, perhaps of another host,"
    until = ""
    if holder is not None and holder.held_until is not None:
        until = f" until {holder.held_until:%Y-%m-%d %H:%M} UTC at the latest"
    return Refused(
        f"Store {store.name}: {by} is removing copies there{until}.",
        reason=Reason.BUSY,
        hint="Try again when that is over.",
    )


def _lost(store: Store) -> HostFailure:
    return HostFailure(
        f"Store {store.name}: the lease ended while copies were removed; the rest stays for now.",
        reason=Reason.STORE_FAILED,
        hint="Run `backup prune` again.",
    )
