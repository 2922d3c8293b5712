"""The negative control: drills of a copy that is damaged on purpose, which have to fail.

The damage is in what is read, never in the store: `tampering` lies between the two.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from handlers.backups.drills.findings import says_against_the_copy
from handlers.backups.drills.rehearsal import Rehearsal, rehearse
from handlers.backups.drills.tampering import Tampered
from handlers.backups.repository import DATABASE, STREAMS, Snapshot
from handlers.contract import JSON, Outcome, Progress
from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Store

STEPS = (
    "Drill it with one bit flipped: this has to fail",
    "Drill it with one object missing: this has to fail",
)


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong on purpose: in words, in which object, and the store as the drill sees it."""

    step: str
    words: str
    key: str
    store: Tampered


def run(rehearsal: Rehearsal, state: str) -> Outcome:
    """HostFailure where a drill passes that had to fail: then no drill proves anything."""
    context = rehearsal.context
    noticed: list[JSON] = []
    for damage in damages(rehearsal.copy.snapshot, rehearsal.copy.store):
        with context.journal.step(damage.step):
            said = must_fail(rehearsal, damage)
        noticed.append({"damage": damage.words, "object": damage.key, "said": said})
        context.journal.fact("noticed", noticed)
    return Outcome(
        sentence=(
            f"Drills fail when they have to: with one bit of {rehearsal.copy.snapshot.id} flipped,"
            " and with one object of it missing."
        ),
        state=state,
        facts={"snapshot": rehearsal.copy.snapshot.id, "noticed": noticed},
        next="backups",
    )


def damages(snapshot: Snapshot, store: Store) -> Iterator[Damage]:
    """Drawn by lot: any byte of any object."""
    lot = random.SystemRandom()
    objects = [each for name in STREAMS for each in snapshot.streams[name].objects]
    flipped = lot.choices(objects, [each.bytes for each in objects])[0]
    gone = lot.choice(snapshot.streams[DATABASE].objects)
    bit = lot.randrange(flipped.bytes * 8)
    yield Damage(
        STEPS[0],
        "one bit flipped",
        flipped.key,
        Tampered(store, flipped=flipped.key, bit=bit),
    )
    yield Damage(STEPS[1], "one object missing", gone.key, Tampered(store, gone=gone.key))


def must_fail(rehearsal: Rehearsal, damage: Damage) -> str:
    """What the drill said against the copy; it has to name the very object."""
    tampered = replace(rehearsal.copy, store=damage.store)
    context = replace(rehearsal.context, journal=_Within(rehearsal.context.journal))
    try:
        rehearse(Rehearsal(context, tampered, rehearsal.ready, complete=True))
    except HostFailure as failure:
        if not says_against_the_copy(failure):
            raise
        if damage.key in failure.message:
            return failure.message
        raise _broken(rehearsal, damage, f"It failed only because: {failure.message}") from failure
    raise _broken(rehearsal, damage, "It passed.")


def _broken(rehearsal: Rehearsal, damage: Damage, how: str) -> HostFailure:
    rehearsal.context.journal.fact("broken_drill", {"damage": damage.words, "object": damage.key})
    return HostFailure(
        f"The drill itself is broken: with {damage.words} in {damage.key} it had to fail because of"
        f" that. {how}",
        reason=Reason.BUG,
        hint="Trust no drill until this is mended; please report it.",
    )


@dataclass(frozen=True, slots=True)
class _Within:
    """The journal for a drill inside a step: that a step of it fails is what is wanted."""

    journal: Progress

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.journal.progress(title)
        yield

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        self.journal.progress(sentence, done=done, total=total)

    def fact(self, name: str, value: JSON) -> None:
        """What a damaged copy leads to is no fact of anything."""

    def output(self, text: str) -> None:
        self.journal.output(text)
