"""Tries what a store can do, with a few small objects that are deleted again."""

import base64
import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from handlers.backups.probing.abilities import RACERS, Ability, Probe
from handlers.contract import Clock
from handlers.errors import HostFailure, Reason
from handlers.host.local_store import LocalStore
from handlers.host.object_store import Reply, S3Store, md5_of
from handlers.host.store_contract import Store

#: A store that looks first and writes then may have one winner by luck, but not every time.
RACES = 3
#: What S3 answers to whoever was not the first, and a server to whoever asks for that in vain.
_NOT_WRITTEN = frozenset({409, 412, 501})
#: And to a checksum that is not that of the object.
_REFUSED = 400
_OTHER = b"not what is sent"


def probe(store: Store, clock: Clock) -> Probe:
    """Raises HostFailure where the store cannot be used at all."""
    store.check()
    if isinstance(store, S3Store):
        return _bucket(store, clock)
    assert isinstance(store, LocalStore)
    return _directory(store, clock)


def _bucket(store: S3Store, clock: Clock) -> Probe:
    def write_new(key: str, data: bytes) -> bool:
        reply = store.request(
            "put_object", key, Body=data, ContentMD5=md5_of(data), IfNoneMatch="*"
        )
        if reply.failure is not None and reply.status not in _NOT_WRITTEN:
            raise reply.failure
        return reply.failure is None

    before = clock.now()
    date = store.request("head_bucket").headers.get("date")
    after = clock.now()
    winners, read_back = _race(store, write_new)
    sha256 = base64.b64encode(hashlib.sha256(_OTHER).digest()).decode()
    return Probe(
        at=after,
        found={
            Ability.ONE_WINNER: winners == 1,
            Ability.READ_BACK: read_back,
            Ability.CHECKS_SHA256: _refuses(store, ChecksumSHA256=sha256),
            Ability.CHECKS_MD5: _refuses(store, ContentMD5=md5_of(_OTHER)),
            Ability.VERSIONING: _is_versioned(store),
            Ability.OBJECT_LOCK: _is_locked(store),
            Ability.DELETES: _deletes(store),
        },
        clock_error_seconds=None if date is None else _error(date, before, after),
        winners=winners,
    )


def _directory(store: LocalStore, clock: Clock) -> Probe:
    """Of a directory only the race can turn out either way: its file system may know no links."""

    def write_new(key: str, data: bytes) -> bool:
        try:
            store.put(key, data)
        except HostFailure:
            if not store.exists(key):
                raise
            return False
        return True

    winners, read_back = _race(store, write_new)
    return Probe(
        at=clock.now(),
        found={
            Ability.ONE_WINNER: winners == 1,
            Ability.READ_BACK: read_back,
            Ability.DELETES: _deletes(store),
        },
        winners=winners,
    )


def _race(store: Store, write_new: Callable[[str, bytes], bool]) -> tuple[int, bool]:
    """How many won the worst of the races, and whether the winner can tell that it did."""
    winners, told = [], []
    for _ in range(RACES):
        with _object(store) as key:
            won = _run(key, write_new)
            winners.append(len(won))
            # The winner asks once more, as one does whose answer was lost, and reads.
            told.append(bool(won) and not write_new(key, won[0]) and store.get(key) == won[0])
    return max(winners, key=lambda count: abs(count - 1)), all(told)


def _run(key: str, write_new: Callable[[str, bytes], bool]) -> list[bytes]:
    """What those wrote who were told that they had written it."""
    start = threading.Barrier(RACERS)

    def race(own: bytes) -> bytes | None:
        start.wait()
        return own if write_new(key, own) else None

    tokens = [secrets.token_bytes(32) for _ in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as threads:
        return [token for token in threads.map(race, tokens) if token is not None]


def _refuses(store: S3Store, **checksum: str) -> bool:
    with _object(store) as key:
        reply = store.request("put_object", key, Body=secrets.token_bytes(32), **checksum)
        return reply.status == _REFUSED


def _is_versioned(store: S3Store) -> bool | None:
    reply = store.request("get_bucket_versioning")
    return None if _not_told(reply) else reply.fields.get("Status") == "Enabled"


def _is_locked(store: S3Store) -> bool | None:
    reply = store.request("get_object_lock_configuration")
    if _not_told(reply):
        return None
    configuration = reply.fields.get("ObjectLockConfiguration", {})
    # Without a rule nothing is locked that does not ask for it.
    return "Rule" in configuration


def _not_told(reply: Reply) -> bool:
    """Not for this key to know; that there is no such thing is an answer."""
    return reply.status in (401, 403)


def _deletes(store: Store) -> bool:
    with _object(store) as key:
        store.put(key, secrets.token_bytes(32))
        try:
            store.delete(key)
        except HostFailure:
            return False
        return not store.exists(key)


@contextmanager
def _object(store: Store) -> Iterator[str]:
    """A key of its own for one trial; best effort to leave nothing."""
    key = f"probe/{secrets.token_hex(8)}"
    try:
        yield key
    finally:
        with suppress(HostFailure):
            store.delete(key)


def _error(date: str, before: datetime, after: datetime) -> float:
    """From the header of an answer, which knows whole seconds; 0 where that explains it."""
    try:
        told = parsedate_to_datetime(date).astimezone(UTC)
    except ValueError as error:
        raise HostFailure(
            f"The store's answers carry no time: {date[:40]!r}.", reason=Reason.STORE_FAILED
        ) from error
    earliest, latest = before.replace(microsecond=0), after
    if earliest <= told <= latest:
        return 0.0
    nearest = earliest if told < earliest else latest
    return round((told - nearest).total_seconds(), 1)
