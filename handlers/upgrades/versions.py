"""Compares version numbers as Zulip writes them."""

import re
from dataclasses import dataclass
from functools import total_ordering

_SHAPE = re.compile(
    r"(?P<numbers>\d+(?:\.\d+){1,2})(?:-(?P<stage>dev|alpha|beta|rc)(?P<round>\d*))?(?P<rest>.*)"
)
#: A pre-release is older than its release.
_STAGES = {"dev": 0, "alpha": 1, "beta": 2, "rc": 3, None: 4}


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """`9.2`, `10.0-beta1`, or `9.2+git` and `9.2-12-gabcdef1`, which are newer than 9.2."""

    text: str
    numbers: tuple[int, ...]
    stage: int
    round: int
    beyond: bool

    @property
    def series(self) -> int:
        """What comes before the first point: 9.2 and 9.4 are of one series."""
        return self.numbers[0]

    @property
    def _rank(self) -> tuple[tuple[int, ...], int, int, bool]:
        return (self.numbers + (0,) * (3 - len(self.numbers)), self.stage, self.round, self.beyond)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._rank == other._rank

    def __lt__(self, other: "Version") -> bool:
        return self._rank < other._rank

    def __hash__(self) -> int:
        return hash(self._rank)


def parse(text: str) -> Version:
    """ValueError when that is no version of Zulip."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no version of Zulip")
    return Version(
        text=text,
        numbers=tuple(int(number) for number in found["numbers"].split(".")),
        stage=_STAGES[found["stage"]],
        round=int(found["round"] or 0),
        beyond=bool(found["rest"]),
    )
