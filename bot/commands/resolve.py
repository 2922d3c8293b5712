"""Says how an interrupted job ended, once somebody has looked at the host; that frees the host."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Resolution, Scene
from bot.commands.job import NUMBER, no_such_job
from bot.commands.reasons import REASON, too_short
from bot.permissions import deciders, may_decide
from bot.replies.job_news import ENDS, JobResolved
from bot.replies.refusals import NotPermitted, Refusal
from bot.replies.wording import to_type
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import Reason
from jobs.lifecycle import Status
from state import job_store

EXAMPLE = 'job 12 resolve --succeeded --reason "the new copy was read back"'


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    job = job_store.get(scene.tx, arguments["number"])
    if job is None:
        return no_such_job(scene, arguments["number"])
    policy, asker, effect = scene.installation.policy, scene.asker, Effect(job.effect)
    if not asker.is_root and not may_decide(policy, asker.user_id, effect):
        command = f"job {job.id} resolve"
        return Answer(NotPermitted(command, list(deciders(policy, effect)), list(asker.roles)))
    if job.status != Status.INTERRUPTED:
        return _not_interrupted(scene, job)
    succeeded = bool(arguments["succeeded"])
    if succeeded == bool(arguments["failed"]):
        hint = f"For example: {to_type(scene.installation.bot_name, EXAMPLE)}."
        message = "Say how the job ended: either `--succeeded` or `--failed`."
        return Answer(Refusal(message, hint, Reason.BAD_ARGUMENT.value))
    reason = str(arguments["reason"])
    return too_short(reason) or Answer(
        JobResolved(
            job=job.id,
            command=job.command,
            succeeded=succeeded,
            by_name=asker.name,
            by_id=asker.user_id,
            reason=reason,
        ),
        resolution=Resolution(job.id, succeeded, reason),
    )


def _not_interrupted(scene: Scene, job: job_store.Job) -> Answer:
    is_how = ENDS.get(job.status) or f"is {job.status.replace('_', ' ')}"
    message = f"Job #{job.id} {is_how}; only an interrupted job is resolved by a person."
    hint = f"{to_type(scene.installation.bot_name, f'job {job.id}')} tells more."
    return Answer(Refusal(message, hint, Reason.BUSY.value))


COMMAND = Command(
    name="job resolve",
    summary="Say how an interrupted job ended, after a look at the host, and free the host",
    effect=Effect.READ,
    example=EXAMPLE,
    answer=_answer,
    parameters=(
        NUMBER,
        Parameter("succeeded", Kind.FLAG, "what it was to do is done", "--succeeded"),
        Parameter("failed", Kind.FLAG, "what it was to do is not done", "--failed"),
        REASON,
    ),
    sets_going=True,
)
