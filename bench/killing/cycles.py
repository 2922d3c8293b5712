"""The cycles of `kills`: where the process dies, and in which situation of the bot."""

import random
from dataclasses import dataclass
from enum import Enum

from jobs.runs.crashpoints import BOT_POINTS, RUN_POINTS

#: These are in the process of the bot, which makes the run's folder.
_IN_BOT = frozenset({*BOT_POINTS, "folder_made", "spec_written"})
#: How often the life of one command passes a point, where that is more than once.
_PASSED = {
    "events_committed": 3,
    "question_asked": 2,
    "reaction_requested": 3,
    "reaction_sent": 3,
    "row_closed": 8,
    "launch_begun": 2,
    "launch_done": 2,
    "launch_recorded": 2,
    "message_intended": 4,
    "message_sent": 4,
    "result_seen": 2,
    "result_taken": 2,
    "result_committed": 2,
    "folder_made": 2,
    "spec_written": 2,
    "runner_started": 2,
    "run_begun": 2,
    "plan_made": 2,
    "before_result": 2,
    "result_written": 2,
    "result_renamed": 2,
    "run_ended": 2,
}


class Scene(Enum):
    """How the command comes to the bot."""

    CHAT = "chat"  # somebody types it and confirms it with ✅
    ARMING = "arming"  # the same, with an arming delay
    GAP = "gap"  # it is typed while there is neither bot nor event queue
    SCHEDULE = "schedule"


_SCENES = {
    "page_received": Scene.GAP,
    "consent_armed": Scene.ARMING,
    "arming_over": Scene.ARMING,
    "due_recorded": Scene.SCHEDULE,
}
#: A recovery that is killed has something to recover.
_BEFORE = {"recovery_decided": "job_made", "reconnected": "question_recorded"}


@dataclass(frozen=True, slots=True)
class Cycle:
    """One command, and the places at which successive processes die of it."""

    scene: Scene
    crashes: tuple[str, ...]

    @property
    def in_run(self) -> bool:
        """Whether the run dies and not the bot."""
        return self.crashes[-1].partition(":")[0] not in _IN_BOT

    @property
    def loses_run(self) -> bool:
        """Whether a run dies before its result counts."""
        name = self.crashes[-1].partition(":")[0]
        return self.in_run and name not in {"result_renamed", "run_ended"}

    def __str__(self) -> str:
        return f"{self.scene.value} {' then '.join(self.crashes)}"


def each_point_once() -> list[Cycle]:
    """Every named place, where more than one life passes it the one that matters more."""
    arming = Cycle(Scene.ARMING, ("consent_armed", "arming_over"))
    others = [at(name) for name in (*BOT_POINTS, *RUN_POINTS) if _SCENES.get(name) != Scene.ARMING]
    return [arming, *others]


def at(name: str, time: int | None = None) -> Cycle:
    """The cycle that ends the process at this point, by itself the last time it is passed."""
    passed = _PASSED.get(name, 1)
    time = time or min(2, passed)
    before = (_BEFORE[name],) if name in _BEFORE else ()
    point = name if time == 1 else f"{name}:{time}"
    return Cycle(_SCENES.get(name, Scene.CHAT), (*before, point))


def drawn(number: int, seed: int) -> list[Cycle]:
    """So many cycles: every point as often as every other, each of its passings at some time."""
    lots = random.Random(seed)
    names = (*BOT_POINTS, *RUN_POINTS)
    cycles: list[Cycle] = []
    while len(cycles) < number:
        order = list(names)
        lots.shuffle(order)
        cycles += [_drawn(name, lots) for name in order]
    return cycles[:number]


def _drawn(name: str, lots: random.Random) -> Cycle:
    cycle = at(name, lots.randint(1, _PASSED.get(name, 1)))
    if cycle.in_run or len(cycle.crashes) > 1 or lots.random() > 0.2:
        return cycle
    # Killed again while it takes up what the first one left.
    return Cycle(cycle.scene, (*cycle.crashes, "recovery_decided"))
