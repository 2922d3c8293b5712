"""Reads one stream back from where it lies, and compares all that was written down of it."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import zstandard

from handlers.backups.arrivals import Arrivals
from handlers.backups.repository import StoredObject
from handlers.backups.sealing.beside import opened
from handlers.backups.streams import plain_of
from handlers.errors import Cancelled, HostFailure, Reason
from handlers.host.age import CannotOpen, Identity, key_id
from handlers.host.store_contract import Missing, Store

Report = Callable[[int], None]


@dataclass(slots=True)
class ReadBack:
    """One stream in one store; it may still be on its way there."""

    store: Store
    arrivals: Arrivals
    #: Told how many stored bytes were read.
    report: Report
    #: Set from outside to end early.
    stop: threading.Event
    #: What opens its objects; None: they are not sealed.
    identities: Sequence[Identity] | None = None
    #: Whether nothing of an object is used before all of it was compared; it is held that long.
    compares_first: bool = field(default=False, kw_only=True)
    #: The object that was begun last, for sentences.
    at: str = field(default="", init=False)

    def again(self) -> "ReadBack":
        """The same once more; only for a stream that was read to its end."""
        arrivals = Arrivals.of(self.arrivals.record)
        return replace(self, arrivals=arrivals)

    def plain(self) -> Iterator[bytes]:
        """The plain bytes; HostFailure at the first object that is not what was written.

        Raises Cancelled when it was ended from outside.
        """
        plain, size = hashlib.sha256(), 0
        for chunk in self.decompressed():
            plain.update(chunk)
            size += len(chunk)
            yield chunk
        record = self.arrivals.record
        promised = (record.plain_bytes, record.plain_sha256 or plain.hexdigest())
        if (size, plain.hexdigest()) != promised:
            raise damaged(self.store, record.objects[0].key, "does not decompress to what was read")

    def decompressed(self) -> Iterator[bytes]:
        """As `plain`, of any part of a stream: only each object is compared, not their sum."""
        for each in self.arrivals.objects():
            try:
                yield from plain_of(self._opened(each))
            except zstandard.ZstdError as error:
                raise damaged(self.store, each.key, "cannot be decompressed") from error
            except CannotOpen as error:
                raise self._sealed_otherwise(each) from error

    def read(self) -> None:
        """All of it, only held to what was written down; raises what `plain` does."""
        for _ in self.plain():
            pass

    def compare(self) -> None:
        """Only the stored bytes, which needs no key; HostFailure as in `plain`."""
        for each in self.arrivals.objects():
            for _ in self._stored(each):
                pass

    def _opened(self, each: StoredObject) -> Iterator[bytes]:
        stored = self._stored(each)
        return stored if self.identities is None else opened(stored, self.identities)

    def _stored(self, each: StoredObject) -> Iterator[bytes]:
        chunks = self._compared(each)
        return iter(list(chunks)) if self.compares_first else chunks

    def _compared(self, each: StoredObject) -> Iterator[bytes]:
        stored, size, self.at = hashlib.sha256(), 0, each.key
        for chunk in self._chunks(each):
            stored.update(chunk)
            size += len(chunk)
            self.report(len(chunk))
            yield chunk
        if (size, stored.hexdigest()) != (each.bytes, each.sha256):
            raise damaged(self.store, each.key, "is not what was written")

    def _chunks(self, each: StoredObject) -> Iterator[bytes]:
        try:
            for chunk in self.store.stream(each.key):
                if self.stop.is_set():
                    raise Cancelled
                yield chunk
        except Missing as error:
            raise damaged(self.store, each.key, "is missing") from error

    def _sealed_otherwise(self, each: StoredObject) -> HostFailure:
        """Every byte is what was written, and yet it is not sealed to the key it should be."""
        ids = ", ".join(key_id(one.recipient) for one in self.identities or ())
        return damaged(
            self.store, each.key, f"is what was written, but the key {ids} does not open it"
        )


class DamagedObject(HostFailure):
    """An object is not what was written."""

    #: Of which snapshot; None where it is nobody's part.
    snapshot: str | None = None


def damaged(store: Store, key: str, how: str) -> DamagedObject:
    found = DamagedObject(
        f"Store {store.name}: {key} {how}.",
        reason=Reason.VERIFICATION_FAILED,
        hint="Do not rely on this copy; take a new one, and check the disk or bucket it lies on.",
    )
    kind, _, rest = key.partition("/")
    found.snapshot = rest.partition("/")[0] if kind == "objects" else None
    return found
