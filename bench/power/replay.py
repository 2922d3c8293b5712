"""Replays a recording, cuts the power at many moments, and judges what each cut leaves."""

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.power.calls import SENDS, Call, read_calls
from bench.power.disk import Disk, Lot, make_empty
from bench.power.judge import judge
from bench.power.promises import Promises

#: A file system in memory where there is one: each image is written and read once.
MEMORY = Path("/dev/shm")


@dataclass(slots=True)
class Findings:
    """How many images were judged, and in how many something was wrong."""

    images: int = 0
    lost: int = 0
    corrupt: int = 0
    #: The first of each sentence, with the moment of the cut.
    sentences: list[str] = field(default_factory=list)


def replay(root: Path, traces: Sequence[Path], images: int, seed: int) -> Findings:
    """Judge so many images of what lay below `root`, by lot over the whole recording."""
    chance = random.Random(seed)
    moments = _moments(traces, root)
    cuts = sorted(chance.choices(range(1, len(moments) + 1), k=images))
    disk, promises, findings = Disk(root), Promises(root), Findings()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        image = Path(name)
        position = 0
        for cut in cuts:
            while position < cut:
                _pass(moments[position], disk, promises)
                position += 1
            disk.write_image(image, Lot.draw(chance))
            _note(findings, cut, image, disk, promises)
            make_empty(image)
    return findings


@dataclass(frozen=True, slots=True)
class _Moment:
    """A call that begins to be sent, or one that has ended."""

    line: int
    call: Call
    begins: bool


def _moments(traces: Sequence[Path], root: Path) -> list[_Moment]:
    found = []
    for call in read_calls(_lines(traces), root):
        begins = call.name == SENDS
        found.append(_Moment(call.began if begins else call.ended, call, begins))
    return sorted(found, key=lambda moment: moment.line)


def _lines(traces: Sequence[Path]) -> Iterator[str]:
    """One after the other, so that the numbers of the lines go on."""
    for trace in traces:
        with trace.open(encoding="ascii") as lines:
            yield from lines


def _pass(moment: _Moment, disk: Disk, promises: Promises) -> None:
    if moment.begins:
        promises.begin(moment.call)
    else:
        disk.take(moment.call)
        promises.end(moment.call)


def _note(findings: Findings, cut: int, image: Path, disk: Disk, promises: Promises) -> None:
    verdict = judge(image, disk, promises)
    findings.images += 1
    findings.lost += bool(verdict.lost)
    findings.corrupt += bool(verdict.corrupt)
    for sentence in (*verdict.lost, *verdict.corrupt):
        if len(findings.sentences) < 20:
            findings.sentences.append(f"cut {cut}: {sentence}")
    if findings.images % 250 == 0:
        print(f"{findings.images} images", file=sys.stderr)
