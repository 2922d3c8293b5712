"""Flips one byte at a time, has the copy read back, flips it back, and counts what nobody saw."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.flips.verifiers import Verifier
from bench.flips.world import Repository
from handlers.backups.repository import STREAMS
from handlers.errors import HostFailure, Reason

RECORD = "commit record"
KINDS = (*STREAMS, RECORD)


@dataclass(frozen=True, slots=True)
class Flip:
    """One byte of one object."""

    repository: Repository
    kind: str
    snapshot: str
    path: Path
    at: int
    change: int

    def __str__(self) -> str:
        where = f"{self.repository.name} {self.path.name} byte {self.at}"
        return f"{where} xor {self.change:#04x}"


@dataclass(slots=True)
class Tally:
    """What became of the tries."""

    tries: Counter[str] = field(default_factory=Counter)
    undetected: list[str] = field(default_factory=list)
    #: Noticed, but told as something else than damage, or of another object.
    misnamed: list[str] = field(default_factory=list)
    #: Copies without any damage that were called damaged.
    false_alarms: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.tries.values())


def play(repositories: Sequence[Repository], tries: int, lot: Random, verify: Verifier) -> Tally:
    """Whole copies come first and last: who calls everything damaged sees nothing either."""
    tally = Tally()
    _look_at_whole_ones(repositories, verify, tally)
    for number in range(tries):
        flip = _draw(repositories, KINDS[number % len(KINDS)], lot)
        tally.tries[flip.kind] += 1
        with _flipped(flip):
            _judge(flip, verify, tally)
        shutil.rmtree(flip.repository.directory / "damaged", ignore_errors=True)
    _look_at_whole_ones(repositories, verify, tally)
    return tally


def _judge(flip: Flip, verify: Verifier, tally: Tally) -> None:
    try:
        verify(flip.repository, flip.snapshot)
    except HostFailure as failure:
        named = flip.snapshot if flip.kind == RECORD else flip.path.name
        if failure.reason is not Reason.VERIFICATION_FAILED or named not in failure.message:
            tally.misnamed.append(f"{flip}: {failure.message}")
    else:
        tally.undetected.append(str(flip))


def _look_at_whole_ones(repositories: Sequence[Repository], verify: Verifier, tally: Tally) -> None:
    for repository in repositories:
        for path in sorted(repository.directory.glob("snapshots/*.json")):
            try:
                verify(repository, path.stem)
            except HostFailure as failure:
                tally.false_alarms.append(f"{repository.name}: {failure.message}")


def _draw(repositories: Sequence[Repository], kind: str, lot: Random) -> Flip:
    """Of any copy in any repository, any byte; flipped in one bit or in several."""
    repository = lot.choice(repositories)
    pattern = "snapshots/*.json" if kind == RECORD else f"objects/*/{kind}-*"
    path = lot.choice(sorted(repository.directory.glob(pattern)))
    snapshot = path.stem if kind == RECORD else path.parent.name
    at = lot.randrange(path.stat().st_size)
    return Flip(repository, kind, snapshot, path, at, lot.randrange(1, 256))


@contextmanager
def _flipped(flip: Flip) -> Iterator[None]:
    _exchange(flip)
    try:
        yield
    finally:
        _exchange(flip)


def _exchange(flip: Flip) -> None:
    """In place, as a disk does it; done twice it is undone."""
    with flip.path.open("r+b") as file:
        file.seek(flip.at)
        [byte] = file.read(1)
        file.seek(flip.at)
        file.write(bytes([byte ^ flip.change]))
