"""Lists the plans that wait for somebody's consent."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.replies.consent import ApprovalList
from handlers.contract import Effect
from jobs.lifecycle import Status
from state import approval_store, job_store
from state.approval_store import Request
from state.job_store import Job


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    waiting = []
    for request in approval_store.open_requests(scene.tx):
        job = job_store.get(scene.tx, request.job_id)
        if job is not None and job.status in {Status.AWAITING_APPROVAL, Status.ARMING}:
            waiting.append(_entry(job, request))
    about = scene.installation
    return Answer(ApprovalList(about.bot_name, about.channel, waiting))


def _entry(job: Job, request: Request) -> dict[str, Any]:
    who = [one for one in request.approvers if request.self_counts or one != request.asker_id]
    armed = request.armed_until
    return {
        "job": job.id,
        "command": job.command,
        "effect": job.effect,
        "asker_name": job.asker_name,
        "asker_id": job.asker_id,
        "have": len(request.told.get("counted", ())),
        "needed": request.needed,
        "who": who,
        "confirms": request.kind == "confirmation",
        "expires_at": request.expires_at.isoformat(),
        "armed_until": armed.isoformat() if armed else None,
    }


COMMAND = Command(
    name="approvals",
    summary="List the plans that wait for a ✅",
    effect=Effect.READ,
    example="approvals",
    answer=_answer,
)
