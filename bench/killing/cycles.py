"""The cycles of `kills`: where processes die, and in which situation of the bot."""

import random
from dataclasses import dataclass
from enum import Enum

from jobs.runs.crashpoints import BOT_POINTS, POINTS, RUN_POINTS

#: These are in the process of the bot, which makes the run's folder.
_IN_BOT = frozenset({*BOT_POINTS, "folder_made", "spec_written"})
#: Where a run has told its end already.
_AFTER_RESULT = frozenset({"result_renamed", "run_ended"})
#: Only a run that carries a plan out comes here.
_WITH_LOCK = frozenset({"lock_taken", "plan_compared", "before_handler", "after_handler"})
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
    """What people do."""

    CHAT = "chat"  # somebody types `backup now` and confirms it with ✅
    GAP = "gap"  # the same, while there is neither bot nor event queue
    ARMING = "arming"  # the same, with an arming delay
    SCHEDULE = "schedule"
    UPGRADE = "upgrade"  # `upgrade 1.4`, and another person's ✅; if interrupted, resolved
    CANCEL = "cancel"  # instead of ✅
    CANCEL_RUN = "cancel run"  # while it copies
    EXPIRY = "expiry"  # nobody says anything for an hour
    HOST = "host"  # root makes a copy while there is no bot


_ONLY_IN = {
    "page_received": Scene.GAP,
    "consent_armed": Scene.ARMING,
    "arming_over": Scene.ARMING,
    "due_recorded": Scene.SCHEDULE,
    "expired": Scene.EXPIRY,
    "cancel_begun": Scene.CANCEL_RUN,
    "cancel_done": Scene.CANCEL_RUN,
    "adoption_taken": Scene.HOST,
}
_ALSO_IN = {"cancel_decided": (Scene.CANCEL, Scene.CANCEL_RUN)}
_USUAL = (Scene.CHAT, Scene.CHAT, Scene.UPGRADE)
#: What is done about a death has something to be done about.
_BEFORE = {
    "recovery_decided": "job_made",
    "reconnected": "question_recorded",
    "run_found": "launch_done",
}
_TOGETHER = {
    "loss_taken": "after_handler",
    "resolution_taken": "before_handler",
}


@dataclass(frozen=True, slots=True)
class Cycle:
    """One command, and the places at which processes die of it.

    Each of `crashes` names one place or several, with commas: each time that the bot has died, the
    next one is after the places that are left; once none is, those that come after them.
    """

    scene: Scene
    crashes: tuple[str, ...]

    @property
    def points(self) -> frozenset[str]:
        """The names of all its places."""
        return frozenset(names(self.crashes))

    @property
    def lost_run(self) -> str | None:
        """`plan` or `run`, when that dies before its result counts."""
        for part in ",".join(self.crashes).split(","):
            name, _, time = part.partition(":")
            if name in RUN_POINTS and not is_in_bot(name) and name not in _AFTER_RESULT:
                return "run" if name in _WITH_LOCK or time == "2" else "plan"
        return None

    def __str__(self) -> str:
        return f"{self.scene.value}: {' then '.join(self.crashes) or 'undisturbed'}"


def is_in_bot(name: str) -> bool:
    """Whether the bot dies there, and not a run."""
    return name in _IN_BOT


def names(crashes: tuple[str, ...]) -> list[str]:
    """Without the numbers of the passings."""
    return [part.partition(":")[0] for one in crashes for part in one.split(",") if part]


def each_point_once() -> list[Cycle]:
    """Every named place in few lives: one command outlives many deaths of the bot."""
    return [
        Cycle(Scene.CHAT, (_step(_RECEIVING_AND_STARTING),)),
        Cycle(Scene.GAP, ("page_received,job_made", _step(_RECOVERING_AND_TELLING))),
        Cycle(Scene.UPGRADE, ("consent_latched,consent_consumed,progress_taken,result_taken",)),
        Cycle(Scene.UPGRADE, ("before_handler,resolution_taken",)),
        Cycle(Scene.UPGRADE, ("after_handler,loss_taken",)),
        Cycle(Scene.CANCEL_RUN, ("cancel_begun,cancel_done",)),
        Cycle(Scene.ARMING, ("consent_armed,arming_over",)),
        Cycle(Scene.CHAT, ("run_ended,result_renamed:2",)),
        *(Cycle(Scene.CHAT, (name,)) for name in ("lock_taken", "plan_compared")),
        Cycle(Scene.SCHEDULE, ("due_recorded",)),
        Cycle(Scene.HOST, ("adoption_taken",)),
        *(Cycle(Scene.CHAT, (name,)) for name in _WHILE_PLANNING),
        Cycle(Scene.CANCEL, ("cancel_decided",)),
        Cycle(Scene.EXPIRY, ("expired",)),
    ]


_WHILE_PLANNING = (
    *("runner_started", "run_begun", "step_begun", "plan_made", "card_written"),
    *("before_result", "result_written"),
)
_RECEIVING_AND_STARTING = (
    *("command_recorded", "events_committed", "question_asked", "sender_known"),
    *("reaction_requested", "reaction_sent", "launch_begun", "folder_made", "spec_written"),
    *("launch_done", "launch_recorded", "result_seen", "question_recorded", "answer_recorded"),
    *("consent_committed", "run_claimed"),
)
_RECOVERING_AND_TELLING = (
    *("event_received", "recovery_decided", "run_found", "reconnected"),
    *("row_closed", "message_intended", "message_sent", "result_committed"),
    *("edit_sent", "topic_moved"),
)


def _step(points: tuple[str, ...]) -> str:
    return ",".join(points)


def drawn(number: int, seed: int) -> list[Cycle]:
    """So many cycles: every point as often as every other, each of its passings at some time."""
    lots = random.Random(seed)
    cycles: list[Cycle] = []
    while len(cycles) < number:
        order = list(POINTS)
        lots.shuffle(order)
        cycles += [_drawn(name, lots) for name in order]
    return cycles[:number]


def _drawn(name: str, lots: random.Random) -> Cycle:
    scene = _ONLY_IN.get(name) or lots.choice(_ALSO_IN.get(name, _USUAL))
    if name in _TOGETHER:
        return Cycle(Scene.UPGRADE, (f"{_TOGETHER[name]},{name}",))
    time = lots.randint(1, _PASSED.get(name, 1))
    point = name if time == 1 else f"{name}:{time}"
    if name in _BEFORE:
        return Cycle(scene, (_BEFORE[name], point))
    if is_in_bot(name) and lots.random() < 0.2:
        # Killed again while it takes up what the first one left.
        return Cycle(scene, (point, "recovery_decided"))
    return Cycle(scene, (point,))
