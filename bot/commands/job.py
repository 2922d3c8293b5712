"""Shows one job whole."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.commands.history import seconds_of
from bot.replies.job_news import JobDetail
from bot.replies.refusals import Refusal
from bot.replies.wording import mentioned, plain, to_type
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import Reason
from handlers.wording import label, worded
from jobs.consent_rules import Kind as ConsentKind
from jobs.engine import Consent
from state import approval_store, job_store

NUMBER = Parameter(
    name="number",
    kind=Kind.INTEGER,
    summary="a job's number",
    example="12",
    positional=True,
    required=True,
)
_CONSENT = {
    "yes": "confirmed with `--yes`",
    "schedule": "agreed to with the schedule",
    "root": "agreed to by root on the host",
    "break_glass": "agreed to by root on the host, in the place of others",
    "none": "needs no confirmation",
}
#: The job's own times tell it, and better.
_TOLD_ELSEWHERE = frozenset({"seconds"})
_LONGEST_FACT_CHARACTERS = 120
#: A shorter wait is none.
_WORTH_TELLING = timedelta(seconds=1)


def no_such_job(scene: Scene, number: int) -> Answer:
    hint = f"{to_type(scene.installation.bot_name, 'history')} lists them."
    return Answer(Refusal(f"There is no job #{number}.", hint, Reason.BAD_ARGUMENT.value))


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    job = job_store.get(scene.tx, arguments["number"])
    if job is None:
        return no_such_job(scene, arguments["number"])
    reply = JobDetail(
        bot_name=scene.installation.bot_name,
        id=job.id,
        command=job.command,
        status=job.status,
        effect=job.effect,
        asker_name=job.asker_name,
        asker_id=job.asker_id,
        consent=_consent(scene, job),
        created_at=job.created_at.isoformat(),
        waited=_waited(job),
        started_at=job.started_at.isoformat() if job.started_at else None,
        ended_at=job.ended_at.isoformat() if job.ended_at else None,
        seconds=seconds_of(job),
        sentence=job.sentence,
        details=_details(job),
        fingerprint=job.fingerprint,
        resolution=_resolution(job),
    )
    return Answer(reply)


def _resolution(job: job_store.Job) -> dict[str, str] | None:
    found = (job.outcome or {}).get("resolution")
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else None


def _consent(scene: Scene, job: job_store.Job) -> str:
    """How the plan came by its consent, as far as it has."""
    if job.consent != Consent.REACTION:
        return _CONSENT[job.consent]
    request = approval_store.get(scene.tx, job.id)
    if request is None or request.status not in {"latched", "consumed"}:
        return "not confirmed" if job.ended_at else "not confirmed yet"
    if request.kind == ConsentKind.CONFIRMATION:
        return f"confirmed by {plain(job.asker_name)} with ✅"
    votes = request.votes if isinstance(request.votes, list) else []
    return f"approved by {mentioned([one for one in votes if isinstance(one, int)])}"


def _waited(job: job_store.Job) -> list[dict[str, Any]]:
    """What kept the job from running, each with its seconds."""
    waits = [
        ("for ✅", job.created_at, job.queued_at, job.consent == Consent.REACTION),
        ("for its turn", job.queued_at, job.started_at, True),
    ]
    return [
        {"for": why, "seconds": (until - since).total_seconds()}
        for why, since, until, counts in waits
        if counts and since and until and until - since >= _WORTH_TELLING
    ]


def _details(job: job_store.Job) -> list[dict[str, str]]:
    """What the run found out, each on one line; long lists stay in the log."""
    facts = (job.outcome or {}).get("facts")
    if not isinstance(facts, dict):
        return []
    lines = [
        {"name": label(name), "value": worded(name, value)[:_LONGEST_FACT_CHARACTERS]}
        for name, value in facts.items()
        if not isinstance(value, dict | list) and name not in _TOLD_ELSEWHERE
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
