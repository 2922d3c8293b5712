"""What a copy holds, object by object, each compared with the commit record before it is used."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import zstandard

from handlers.backups.reading.read_back import damaged
from handlers.backups.repository import Snapshot, StoredObject, StreamRecord
from handlers.backups.sealing.beside import opened
from handlers.backups.sealing.keys import Keys
from handlers.backups.streams import plain_of
from handlers.errors import HostFailure, Reason
from handlers.host.age import CannotOpen, Identity, key_id
from handlers.host.store_contract import Store


def _ignore(_size: int) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True, slots=True)
class Source:
    """One copy in one store, and the keys that open it.

    Nothing is handed on that the commit record does not vouch for: an object is read whole, and
    its SHA-256 compared, before the first of its bytes is opened. Two objects are held at most.
    """

    store: Store
    snapshot: Snapshot
    keys: Keys = Keys()
    #: Told how many stored bytes were read.
    report: Callable[[int], None] = _ignore

    def plain(self, stream: str) -> Iterator[bytes]:
        """The plain bytes of a stream; HostFailure at the first object that is not what was
        written, or where no key is here that opens it."""
        record = self.snapshot.streams[stream]
        identities = self._identities(stream)
        # Uploads of earlier copies have none: each file's own stands in the index.
        plain = None if record.plain_sha256 is None else hashlib.sha256()
        size = 0
        for each, data in self._fetched(record.objects):
            for chunk in self._opened(each, data, identities):
                if plain is not None:
                    plain.update(chunk)
                size += len(chunk)
                yield chunk
        self._compare(record, size, None if plain is None else plain.hexdigest())

    def _identities(self, stream: str) -> Sequence[Identity] | None:
        identities = self.keys.openers(self.snapshot.sealing, stream)
        if identities == ():
            raise no_key(self.snapshot)
        return identities

    def _fetched(self, objects: Sequence[StoredObject]) -> Iterator[tuple[StoredObject, bytes]]:
        """Each object whole; the next one comes while the present one is used."""
        with ThreadPoolExecutor(1, thread_name_prefix="fetch") as thread:
            coming: Future[bytes] | None = None
            for each, after in zip(objects, (*objects[1:], None), strict=True):
                data = self._fetch(each) if coming is None else coming.result()
                coming = None if after is None else thread.submit(self._fetch, after)
                yield each, data

    def _fetch(self, each: StoredObject) -> bytes:
        data = self.store.get(each.key)
        if (len(data), hashlib.sha256(data).hexdigest()) != (each.bytes, each.sha256):
            raise damaged(self.store, each.key, "is not what was written")
        self.report(len(data))
        return data

    def _opened(
        self, each: StoredObject, data: bytes, identities: Sequence[Identity] | None
    ) -> Iterator[bytes]:
        try:
            yield from plain_of((data,) if identities is None else opened((data,), identities))
        except zstandard.ZstdError as error:
            raise damaged(self.store, each.key, "cannot be decompressed") from error
        except CannotOpen as error:
            ids = ", ".join(key_id(one.recipient) for one in identities or ())
            how = f"is what was written, but the key {ids} does not open it"
            raise damaged(self.store, each.key, how) from error

    def _compare(self, record: StreamRecord, size: int, sha256: str | None) -> None:
        if (size, sha256) != (record.plain_bytes, record.plain_sha256):
            key = record.objects[0].key
            raise damaged(self.store, key, "does not decompress to what was read")


def no_key(snapshot: Snapshot) -> HostFailure:
    """Why a sealed copy stays closed, and which keys would open it."""
    keys = () if snapshot.sealing is None else snapshot.sealing.keys_that_last
    fitting = " or ".join(f"the {each.use.value} key `{each.id}`" for each in keys)
    return HostFailure(
        f"Copy `{snapshot.id}` is sealed, and no key that opens it is on this host. It needs"
        f" {fitting}.",
        reason=Reason.NOT_CONFIGURED,
    )
