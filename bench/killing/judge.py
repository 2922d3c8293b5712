"""Judges what is left once everything has settled after a kill."""

from collections import Counter
from dataclasses import dataclass, field

from bench.killing.cycles import Cycle, Scene
from handlers.backups import catalogue
from jobs.lifecycle import FINAL
from state.database import open_read_only
from state.job_store import Job
from tests.acceptance.conversation import CHECK, CROSS, Conversation


@dataclass(slots=True)
class Findings:
    """Sums over cycles; `wrong` says in words what was not as it should be."""

    cycles: int = 0
    kills: int = 0
    lost: int = 0
    double_effects: int = 0
    double_messages: int = 0
    integrity_ok: bool = True
    points: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        self.cycles += other.cycles
        self.kills += other.kills
        self.lost += other.lost
        self.double_effects += other.double_effects
        self.double_messages += other.double_messages
        self.integrity_ok &= other.integrity_ok
        self.points |= other.points
        self.wrong += other.wrong


def judge(talk: Conversation, cycle: Cycle, asked: int | None, jobs: list[Job]) -> Findings:
    """What one cycle came to; `jobs` are those that it made."""
    found = Findings(cycles=1)
    if len(jobs) != 1:
        found.wrong.append(f"{len(jobs)} jobs")
        found.lost += not jobs
        found.double_effects += max(0, len(jobs) - 1)
    for job in jobs:
        _judge_job(talk, cycle, job, found)
    if asked is not None and jobs:
        _judge_command(talk, asked, jobs[0], found)
    _judge_state(talk, found)
    found.wrong = [f"{cycle}: {one}" for one in found.wrong]
    return found


def _judge_job(talk: Conversation, cycle: Cycle, job: Job, found: Findings) -> None:
    """Its effect is there once if it succeeded, and its end is told truly and once."""
    effects = effects_of(talk, job.id)
    if effects > 1:
        found.double_effects += 1
        found.wrong.append(f"{effects} effects")
    expected = "failed" if cycle.loses_run else "succeeded"
    if job.status not in FINAL or job.status != expected:
        found.wrong.append(f"job {job.id} is {job.status} and not {expected}: {job.sentence}")
    if job.status == "succeeded" and effects == 0:
        found.lost += 1
        found.wrong.append("it succeeded without an effect")
    if job.status == "failed" and job.reason != "run_lost":
        found.wrong.append(f"it failed because of {job.reason}")
    said = _said_of(talk, cycle, job)
    ends = sum(f"**Job #{job.id}** (" in text for text in said)
    twice = [text for text, times in Counter(said).items() if times > 1]
    found.lost += ends == 0
    found.double_messages += ends > 1 or bool(twice)
    if ends != 1 or twice:
        found.wrong.append(f"{ends} final messages; twice: {[text[:80] for text in twice]}")


def _said_of(talk: Conversation, cycle: Cycle, job: Job) -> list[str]:
    """What the bot said of a job, except for the answer to the command."""
    bot = talk.stage.cast.bot.id
    if cycle.scene is not Scene.SCHEDULE:
        return [one.content for one in talk.in_topic_of(job.id) if one.sender_id == bot]
    return [one.content for one in talk.from_bot() if f"Job #{job.id}**" in one.content]


def _judge_command(talk: Conversation, asked: int, job: Job, found: Findings) -> None:
    """It was answered once, and carries one mark."""
    mark = CHECK if job.status == "succeeded" else CROSS
    if talk.marks(asked) != {mark}:
        found.wrong.append(f"the marks are {talk.marks(asked)}")
    topic = talk.message(asked).topic
    answers = sum(one.topic == topic for one in talk.from_bot())
    found.lost += answers == 0
    found.double_messages += answers > 1
    if answers != 1:
        found.wrong.append(f"{answers} answers")


def _judge_state(talk: Conversation, found: Findings) -> None:
    if not talk.audit_chain_holds():
        found.wrong.append("the audit chain is broken")
    if not talk.lock_is_free():
        found.wrong.append("the host's lock is held")
    if processes := talk.processes():
        found.wrong.append(f"processes are left: {processes}")
    if problem := integrity_problem(talk):
        found.integrity_ok = False
        found.wrong.append(problem)


def integrity_problem(talk: Conversation) -> str | None:
    """What SQLite says of the bot's database."""
    database = open_read_only(talk.stage.state / "zulip-ops.db")
    try:
        return database.integrity_problem()
    finally:
        database.close()


def effects_of(talk: Conversation, job_id: int) -> int:
    """How many copies lie in the stores for a job."""
    return sum(
        one.job == job_id for store in talk.stage.stores for one in catalogue.list_snapshots(store)
    )
