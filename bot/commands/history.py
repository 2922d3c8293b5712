"""Lists jobs, newest first, page by page."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.replies.job_news import HistoryPage
from handlers.contract import Effect, Kind, Parameter
from jobs.lifecycle import Status
from state import job_store

_PAGE = 10
#: What an operator means by "what went wrong".
_FAILED = tuple(
    status.value for status in (Status.FAILED, Status.INTERRUPTED, Status.STALE, Status.EXPIRED)
)


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    failed, before = bool(arguments.get("failed")), arguments.get("before")
    jobs = job_store.page(
        scene.tx,
        before_id=before,
        limit=_PAGE + 1,
        statuses=_FAILED if failed else None,
    )
    option = " --failed" if failed else ""
    older = f"history{option} --before {jobs[_PAGE - 1].id}" if len(jobs) > _PAGE else None
    nothing = "No job has failed." if failed else "There are no jobs yet."
    if before is not None:
        nothing = f"There is nothing before job #{before}."
    entries = [_entry(job) for job in jobs[:_PAGE]]
    return Answer(HistoryPage(scene.installation.bot_name, entries, older, nothing))


def _entry(job: job_store.Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "command": job.command,
        "status": job.status,
        "asker_name": job.asker_name,
        "created_at": job.created_at.isoformat(),
        "seconds": seconds_of(job),
    }


def seconds_of(job: job_store.Job) -> float | None:
    """How long the job ran, in seconds, if it ran and ended."""
    if job.started_at is None or job.ended_at is None:
        return None
    return round((job.ended_at - job.started_at).total_seconds(), 2)


COMMAND = Command(
    name="history",
    summary="List jobs: who, what, when, how long, outcome",
    effect=Effect.READ,
    example="history",
    answer=_answer,
    parameters=(
        Parameter("failed", Kind.FLAG, "only what went wrong", "--failed"),
        Parameter("before", Kind.INTEGER, "only jobs with a smaller number", "120"),
    ),
)
