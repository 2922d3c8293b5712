"""A store as it is, but for one object that is damaged or missing: for drills that must fail."""

from collections.abc import Iterator
from dataclasses import dataclass

from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Entry, Store, missing


@dataclass(frozen=True, slots=True)
class Tampered:
    """Reads through to the store below it, and can write nothing there."""

    below: Store
    #: The object in which one bit is flipped, and which bit of it.
    flipped: str | None = None
    bit: int = 0
    #: The object that is not there.
    gone: str | None = None

    @property
    def name(self) -> str:
        return self.below.name

    def put(self, key: str, data: bytes | bytearray) -> None:
        raise self._read_only()

    def claim(self, key: str, data: bytes) -> bool:
        raise self._read_only()

    def delete(self, key: str) -> None:
        raise self._read_only()

    def get(self, key: str) -> bytes:
        return b"".join(self.stream(key))

    def stream(self, key: str) -> Iterator[bytes]:
        if key == self.gone:
            raise missing(self.name, key)
        chunks = self.below.stream(key)
        yield from with_flipped_bit(chunks, self.bit) if key == self.flipped else chunks

    def exists(self, key: str) -> bool:
        return key != self.gone and self.below.exists(key)

    def entries(self, prefix: str) -> Iterator[Entry]:
        return (entry for entry in self.below.entries(prefix) if entry.key != self.gone)

    def check(self) -> None:
        self.below.check()

    def free_bytes(self) -> int | None:
        return self.below.free_bytes()

    def _read_only(self) -> HostFailure:
        return HostFailure(
            f"Store {self.name} is only read while it is tampered with.", reason=Reason.STORE_FAILED
        )


def with_flipped_bit(chunks: Iterator[bytes], bit: int) -> Iterator[bytes]:
    place, before = bit // 8, 0
    for chunk in chunks:
        here = place - before
        if 0 <= here < len(chunk):
            changed = bytearray(chunk)
            changed[here] ^= 1 << bit % 8
            yield bytes(changed)
        else:
            yield chunk
        before += len(chunk)
