"""Ends a job: one that waits at once, one that runs with everything it started."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.commands.job import NUMBER, no_such_job
from bot.permissions import Allowed, may_ask
from bot.replies.job_news import ENDS, CancelAsked
from bot.replies.refusals import NotPermitted, Refusal
from bot.replies.wording import to_type
from handlers.contract import Effect
from handlers.errors import Reason
from jobs.consent_terms import effect_policy
from jobs.lifecycle import FINAL, Status
from state import job_store


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    job = job_store.get(scene.tx, arguments["number"])
    if job is None:
        return no_such_job(scene, arguments["number"])
    if not _may_cancel(scene, job):
        needed = effect_policy(scene.installation.policy, Effect(job.effect)).ask
        return Answer(NotPermitted(f"cancel {job.id}", list(needed), list(scene.asker.roles)))
    if Status(job.status) in FINAL or job.status == Status.INTERRUPTED:
        message = f"Job #{job.id} {ENDS[job.status]} already; there is nothing to cancel."
        hint = f"{to_type(scene.installation.bot_name, f'job {job.id}')} tells more."
        return Answer(Refusal(message, hint, Reason.BUSY.value))
    if job.cancelling:
        message = f"Job #{job.id} is being cancelled already."
        return Answer(Refusal(message, None, Reason.BUSY.value))
    return Answer(CancelAsked(job.id, job.command, job.status), cancel_job=job.id)


def _may_cancel(scene: Scene, job: job_store.Job) -> bool:
    """One's own job, or one that one might have asked for."""
    asker = scene.asker
    if asker.is_root or (asker.user_id is not None and asker.user_id == job.asker_id):
        return True
    if asker.user_id is None:
        return False
    decision = may_ask(scene.installation.policy, asker.user_id, Effect(job.effect))
    return isinstance(decision, Allowed)


COMMAND = Command(
    name="cancel",
    summary="End a job and everything it started",
    effect=Effect.READ,
    example="cancel 12",
    answer=_answer,
    parameters=(NUMBER,),
    acts=True,
)
