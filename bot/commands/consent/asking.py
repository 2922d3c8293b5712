"""Why somebody may not consent to a job, or nothing when they may."""

from bot.commands.contract import Answer, Scene
from bot.commands.job import no_such_job
from bot.replies.job_news import ENDS
from bot.replies.refusals import Refusal
from bot.replies.wording import mentioned, to_type
from handlers.errors import Reason
from jobs.lifecycle import FINAL, Status
from state import approval_store, job_store
from state.approval_store import Request
from state.job_store import Job

_STAGES = {
    Status.PLANNING: "is still being planned; its card comes in a moment",
    Status.QUEUED: "is agreed to already and waits for its turn",
    Status.RUNNING: "is running already",
    Status.INTERRUPTED: "was interrupted",
}


def why_not(scene: Scene, number: int, *, rejects: bool) -> tuple[Job, Request] | Answer:
    """The job and what it asks, when this asker's word on it counts; else the refusal."""
    job = job_store.get(scene.tx, number)
    if job is None:
        return no_such_job(scene, number)
    request = approval_store.get(scene.tx, number)
    may_still = {Status.AWAITING_APPROVAL, *({Status.ARMING} if rejects else ())}
    if request is None or job.status not in may_still:
        return _refuse(_stage(job), _hint(scene, job), Reason.BUSY)
    if request.message_id is None:
        return _refuse(f"The plan of job #{number} is not posted yet.", None, Reason.BUSY)
    if scene.asker.is_root:
        hint = f'On the host: `zulip-ops approve {number} --break-glass --reason "…"`.'
        return _refuse("Only people in Zulip consent with this.", hint, Reason.NOT_PERMITTED)
    return _judged(scene, job, request, rejects=rejects)


def _judged(
    scene: Scene, job: Job, request: Request, *, rejects: bool
) -> tuple[Job, Request] | Answer:
    user_id = scene.asker.user_id
    is_asker = user_id == request.asker_id
    if user_id in request.approvers and (request.self_counts or not is_asker):
        if scene.asker.is_new and not is_asker and not rejects:
            message = f"You may not approve job #{job.id} yet: your account is under a week old."
            return _refuse(message, None, Reason.NEW_ACCOUNT)
        return job, request
    if is_asker:
        message = f"You asked for job #{job.id} yourself, so another person has to approve it."
        hint = f"{to_type(scene.installation.bot_name, f'cancel {job.id}')} takes it back."
        return _refuse(message, hint, Reason.NOT_PERMITTED)
    verb = "reject" if rejects else "approve"
    others = [one for one in request.approvers if request.self_counts or one != request.asker_id]
    message = f"You may not {verb} job #{job.id}: it takes {mentioned(others) or 'nobody'}."
    return _refuse(message, None, Reason.NOT_PERMITTED)


def _stage(job: Job) -> str:
    status = Status(job.status)
    if status in FINAL:
        return f"Job #{job.id} {ENDS[job.status]} already."
    if status is Status.ARMING:
        return f"Job #{job.id} has all the approval it needs and starts soon."
    return f"Job #{job.id} {_STAGES.get(status, 'needs no approval')}."


def _hint(scene: Scene, job: Job) -> str:
    return f"{to_type(scene.installation.bot_name, f'job {job.id}')} tells more."


def _refuse(message: str, hint: str | None, reason: Reason) -> Answer:
    return Answer(Refusal(message, hint, reason.value))
