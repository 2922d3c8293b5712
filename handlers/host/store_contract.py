"""What every place that keeps copies can do: write-once objects under plain keys."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from handlers.errors import HostFailure, Reason

CHUNK_BYTES = 1024 * 1024
#: Of one part of a key; it cannot lead out of the store, and hidden files are no objects.
PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as a listing shows it."""

    key: str
    size_bytes: int


class Store(Protocol):
    """A place that keeps objects; every failure is a HostFailure that names the store."""

    @property
    def name(self) -> str: ...

    def put(self, key: str, data: bytes | bytearray) -> None:
        """Write an object whole and durably; an object that exists is never overwritten."""

    def claim(self, key: str, data: bytes) -> bool:
        """Write the object unless there is one, in one step; whether this is what lies there then.

        Of several who do so at once, one is told True, where the store heeds conditions at all.
        """

    def get(self, key: str) -> bytes:
        """The whole object."""

    def stream(self, key: str) -> Iterator[bytes]:
        """The object in chunks, read from where it lies."""

    def exists(self, key: str) -> bool: ...

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Every object below a prefix that ends with `/`, sorted by key."""

    def delete(self, key: str) -> None:
        """For what was never committed, and for what retention or a person lets go; durable."""

    def check(self) -> None:
        """Raise HostFailure unless the store answers; cheap, and writes nothing."""

    def free_bytes(self) -> int | None:
        """What still fits; None where nobody can say."""


def key_parts(store: str, key: str) -> tuple[str, ...]:
    parts = tuple(key.split("/"))
    if not all(PART.fullmatch(part) for part in parts):
        raise HostFailure(
            f"Store {store}: `{key}` is no key of an object.", reason=Reason.STORE_FAILED
        )
    return parts


def overwrites(store: str, key: str) -> HostFailure:
    return HostFailure(
        f"Store {store}: {key} exists already, and nothing is ever overwritten.",
        reason=Reason.STORE_FAILED,
    )


class Missing(HostFailure):
    """There is no such object."""


def missing(store: str, key: str) -> Missing:
    return Missing(f"Store {store}: {key} is missing.", reason=Reason.STORE_FAILED)
