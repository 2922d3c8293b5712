"""To which keys a snapshot is sealed, as its commit record says."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from handlers.host import age


class Use(StrEnum):
    """What a key is for. Stored, never renamed."""

    #: Its secret lies off the host.
    RECOVERY = "recovery"
    #: Its secret lies where copies are rehearsed.
    DRILL = "drill"
    #: Of the run that made the copy; its secret was never written down and is gone.
    RUN = "run"
    #: Of this host, for nothing but the index of the uploads.
    INDEX = "index"


#: Whoever has one of these can restore.
LASTING = frozenset({Use.RECOVERY, Use.DRILL})


@dataclass(frozen=True, slots=True)
class Key:
    """One public key."""

    use: Use
    id: str
    recipient: str

    @classmethod
    def of(cls, use: Use, recipient: str) -> Self:
        return cls(use, age.key_id(recipient), recipient)


@dataclass(frozen=True, slots=True)
class Sealing:
    """Each object is a file of age of its own, and each of these keys opens it."""

    keys: tuple[Key, ...]
    format: str = age.FORMAT

    @property
    def keys_that_last(self) -> tuple[Key, ...]:
        """With each of them the whole snapshot can be restored."""
        return tuple(each for each in self.keys if each.use in LASTING)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where the record is not one of ours."""
        if record["format"] != age.FORMAT:
            raise ValueError(f"the sealing {record['format']!r} is not known")
        return cls(tuple(_key(each) for each in record["keys"]))


def _key(record: Mapping[str, str]) -> Key:
    key = Key.of(Use(record["use"]), record["recipient"])
    if key.id != record["id"]:
        raise ValueError("the id of a key is not its own")
    return key
