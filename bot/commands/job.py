"""Shows one job whole."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.commands.history import seconds_of
from bot.replies.job_news import JobDetail
from bot.replies.refusals import Refusal
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import Reason
from handlers.wording import label, worded
from state import job_store, run_store

NUMBER = Parameter(
    name="number",
    kind=Kind.INTEGER,
    summary="the job's number, as `history` shows it",
    example="12",
    positional=True,
    required=True,
)
_CONSENT = {
    "reaction": "the asker's ✅ on the plan",
    "yes": "--yes in the command",
    "schedule": "given once, with the schedule",
    "root": "root on the host",
    "none": "none needed",
}
_LONGEST_FACT_CHARACTERS = 120


def no_such_job(number: int) -> Answer:
    return Answer(
        Refusal(f"There is no job #{number}.", "`history` lists them.", Reason.BAD_ARGUMENT.value)
    )


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    job = job_store.get(scene.tx, arguments["number"])
    if job is None:
        return no_such_job(arguments["number"])
    runs = run_store.runs_of(scene.tx, job.id)
    reply = JobDetail(
        id=job.id,
        command=job.command,
        status=job.status,
        effect=job.effect,
        asker_name=job.asker_name,
        asker_id=job.asker_id,
        consent=_CONSENT[job.consent],
        created_at=job.created_at.isoformat(),
        seconds=seconds_of(job),
        sentence=job.sentence,
        moments=_moments(job),
        details=_details(job),
        fingerprint=job.fingerprint,
        runs=[{"attempt": run.attempt, "mode": run.mode, "status": run.status} for run in runs],
    )
    return Answer(reply)


def _moments(job: job_store.Job) -> list[dict[str, str]]:
    told = [
        ("asked", job.created_at),
        ("queued", job.queued_at),
        ("started", job.started_at),
        ("ended", job.ended_at),
    ]
    return [{"label": label, "at": at.isoformat()} for label, at in told if at is not None]


def _details(job: job_store.Job) -> list[dict[str, str]]:
    """What the run found out, each on one line; long lists stay in the log."""
    facts = (job.outcome or {}).get("facts")
    if not isinstance(facts, dict):
        return []
    lines = [
        {"name": label(name), "value": worded(name, value)[:_LONGEST_FACT_CHARACTERS]}
        for name, value in facts.items()
        if not isinstance(value, dict | list)
    ]
    return lines[:12]


COMMAND = Command(
    name="job",
    summary="Show one job whole",
    effect=Effect.READ,
    example="job 12",
    answer=_answer,
    parameters=(NUMBER,),
)
