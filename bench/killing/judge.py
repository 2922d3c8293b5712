"""Judges what is left once everything has settled after a kill."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.killing.cycles import Cycle, Scene
from bench.killing.findings import Findings
from bench.killing.world import Effects
from jobs.runs import process_tree
from state.database import DatabaseUnusable, open_read_only
from state.job_store import Job
from tests.acceptance.conversation import CHECK, CROSS, STOP, Conversation

#: A message that tells how a job ended, or who says so.
_END = re.compile(r"\*\*Job #(\d+)\*\* \(.*?\) ((?:was |is )?\w+(?:, says)?)")
_MARKS = {"succeeded": CHECK, "failed": CROSS, "cancelled": STOP, "expired": STOP}


@dataclass(frozen=True, slots=True)
class Case:
    """One cycle, as it has come to be."""

    cycle: Cycle
    #: The commands that people typed; the first is what the cycle is about.
    asked: tuple[int, ...]
    #: The last message and the last job before it began.
    after_message: int
    after_job: int
    #: What it brought about.
    effects: Effects
    run_folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """How it has to end."""

    status: str
    #: What is told of it, in this order.
    ends: tuple[str, ...]
    effects: int


def expected(case: Case) -> Expected:
    """Of what is known to have died, and where."""
    cycle = case.cycle
    done = int(not cycle.lost_run or "after_handler" in cycle.points or _wrote(cycle))
    if cycle.scene in {Scene.CANCEL, Scene.CANCEL_RUN}:
        return Expected("cancelled", ("was cancelled",), 0)
    if cycle.scene is Scene.EXPIRY:
        return Expected("expired", ("expired",), 0)
    if cycle.scene is Scene.UPGRADE and cycle.lost_run == "run" and not _never_began(cycle):
        status = "succeeded" if done else "failed"
        return Expected(status, ("was interrupted", f"{status}, says"), done)
    if cycle.lost_run is not None:
        return Expected("failed", ("failed",), done if cycle.lost_run == "run" else 0)
    return Expected("succeeded", ("succeeded",), 1)


def _never_began(cycle: Cycle) -> bool:
    """Whether the run died before it had claimed its folder, which proves that it did nothing."""
    return "runner_started" in cycle.points


def _wrote(cycle: Cycle) -> bool:
    """Whether a run died between its effect and its result."""
    late = {"before_result", "result_written"}
    return cycle.lost_run == "run" and not late.isdisjoint(cycle.points)


def judge(talk: Conversation, case: Case, jobs: list[Job]) -> Findings:
    """What one cycle came to; `jobs` are those that it made."""
    found = Findings(cycles=1)
    found.judge_number(len(jobs), 1, "jobs")
    found.lost += not jobs
    found.double_effects += max(0, len(jobs) - 1)
    wanted = expected(case)
    _judge_effects(case, wanted, found)
    for job in jobs:
        _judge_job(job, wanted, found)
    _judge_words(talk, case, jobs, wanted, found)
    for number, asked in enumerate(case.asked):
        _judge_command(talk, asked, jobs[0] if jobs and number == 0 else None, found)
    _judge_state(talk, case, found)
    found.wrong = [f"{case.cycle}: {one}" for one in found.wrong]
    return found


def _judge_effects(case: Case, wanted: Expected, found: Findings) -> None:
    """Copies in the stores, and upgrades of the host, whoever claims to have made them."""
    upgrades = wanted.effects if case.cycle.scene is Scene.UPGRADE else 0
    for what, number, due in (
        ("copies", len(case.effects.copies), wanted.effects),
        ("upgrades", case.effects.upgrades, upgrades),
    ):
        found.judge_number(number, due, what)
        found.double_effects += number > due
        found.lost += number < due


def _judge_job(job: Job, wanted: Expected, found: Findings) -> None:
    if job.status != wanted.status:
        found.wrong.append(f"job {job.id} is {job.status} and not {wanted.status}: {job.sentence}")
    if job.status == "failed" and job.reason not in {"run_lost", "resolved"}:
        found.wrong.append(f"it failed because of {job.reason}")


def _judge_words(
    talk: Conversation, case: Case, jobs: list[Job], wanted: Expected, found: Findings
) -> None:
    """Each end is told once, truly, and of no other job; and nothing is said twice in a topic."""
    said = [one for one in talk.from_bot() if one.id > case.after_message]
    # Whoever resolves a job is answered with the very words that its topic is told.
    asked_in = {_bare(talk.message(asked).topic) for asked in case.asked}
    elsewhere = [one.content for one in said if _bare(one.topic) not in asked_in]
    told = [(int(number), how) for text in elsewhere for number, how in _END.findall(text)]
    due = [(job.id, how) for job in jobs for how in wanted.ends]
    missing, more = Counter(due) - Counter(told), Counter(told) - Counter(due)
    twice = [
        text[:80]
        for (_, text), times in Counter((_bare(m.topic), m.content) for m in said).items()
        if times > 1
    ]
    found.lost += bool(missing)
    found.double_messages += bool(more or twice)
    if missing or more or twice:
        found.wrong.append(
            f"of ends are missing {list(missing)}, too many {list(more)}; said twice: {twice}"
        )


def _bare(topic: str) -> str:
    return topic.removeprefix("✔ ")


def _judge_command(talk: Conversation, asked: int, job: Job | None, found: Findings) -> None:
    """It was answered once, and the one that is about a job carries one mark."""
    marks = talk.marks(asked)
    mark = None if job is None else _MARKS.get(job.status)
    if mark is not None and marks != {mark}:
        found.wrong.append(f"the marks are {marks}")
    topic = _bare(talk.message(asked).topic)
    answers = sum(_bare(one.topic) == topic for one in talk.from_bot())
    found.lost += answers == 0
    found.double_messages += answers > 1
    found.judge_number(answers, 1, "answers")


def _judge_state(talk: Conversation, case: Case, found: Findings) -> None:
    if problem := integrity_problem(talk):
        found.integrity_ok = False
        found.wrong.append(problem)
    elif not talk.audit_chain_holds():
        found.integrity_ok = False
        found.wrong.append("the audit chain is broken")
    if not talk.lock_is_free():
        found.wrong.append("the host's lock is held")
    if talk.stage.host.layout.deployment_lock.exists():
        found.wrong.append("Zulip's own lock is left")
    left = [each.pid for folder in case.run_folders for each in process_tree.members(folder)]
    if left:
        found.wrong.append(f"processes are left: {left}")


def integrity_problem(talk: Conversation) -> str | None:
    """What SQLite says of the bot's database."""
    try:
        database = open_read_only(talk.stage.state / "zulip-ops.db")
    except DatabaseUnusable as error:
        return error.message
    try:
        return database.integrity_problem()
    finally:
        database.close()
