"""What the bot can say: typed facts that are stored with a message and rendered when it is sent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

_KINDS: dict[str, type["Reply"]] = {}


@dataclass(frozen=True)
class Reply:
    """A kind of message; subclasses are frozen dataclasses whose fields are plain JSON."""

    #: Stored in the outbox; never renamed.
    kind: ClassVar[str]
    #: Says why what was asked for is not done, or does not hold.
    is_refusal: ClassVar[bool] = False

    def __init_subclass__(cls, kind: str) -> None:
        cls.kind = kind
        assert kind not in _KINDS, f"two replies are called {kind}"
        _KINDS[kind] = cls

    def text(self) -> str:
        """The message in Zulip's markdown."""
        raise RuntimeError(f"{type(self).__name__} says nothing")

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_stored(cls, facts: Mapping[str, Any]) -> Self:
        return cls(**facts)


def render(kind: str, facts: Mapping[str, Any]) -> str:
    """The text of a stored row; raises KeyError for a kind that this version does not know."""
    return _KINDS[kind].from_stored(facts).text()


def kinds() -> Mapping[str, type[Reply]]:
    return _KINDS
