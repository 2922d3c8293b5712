"""Explains how a job came to where it is: who asked, who consented, what it waits for."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.commands.job import NUMBER, no_such_job
from bot.permissions import roles_of
from bot.replies.consent import Explained
from bot.replies.wording import code, listing, mentioned, moment, person
from handlers.contract import Effect
from jobs.consent_rules import Kind
from jobs.engine import Consent, waits
from jobs.lifecycle import Status
from state import approval_store, job_store
from state.approval_store import Request
from state.job_store import Job

_OTHER_CONSENT = {
    Consent.SCHEDULE: "Nobody is asked: it was agreed to with its schedule.",
    Consent.ROOT: "Nobody is asked: root on the host asked for it.",
    Consent.NONE: "Nobody is asked: it changes nothing.",
}


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    job = job_store.get(scene.tx, arguments["number"])
    if job is None:
        return no_such_job(scene, arguments["number"])
    title = f"Job #{job.id} ({code(job.command)}) is **{job.status.replace('_', ' ')}**."
    return Answer(Explained(title, list(_links(scene, job))))


def _links(scene: Scene, job: Job) -> Iterator[str]:
    yield _asked(scene, job)
    request = approval_store.get(scene.tx, job.id)
    if request is None:
        yield _OTHER_CONSENT.get(Consent(job.consent), "Its plan is not made yet.")
    else:
        yield _wanted(request)
        yield from _given(job, request)
    yield from _ended(scene, job)


def _asked(scene: Scene, job: Job) -> str:
    who = person(job.asker_name, job.asker_id)
    when = moment(job.created_at.isoformat())
    if job.asker_id is None:
        return f"{job.asker_name} asked for it, {when}."
    roles = roles_of(scene.installation.policy, job.asker_id)
    listed = listing([f"*{role}*" for role in roles]) or "no role any more"
    return f"{who} asked for it, {when}. It is {job.effect}; their roles now: {listed}."


def _wanted(request: Request) -> str:
    if request.kind == Kind.WORD:
        return "`--yes` in the command was the asker's own confirmation."
    if request.kind == Kind.CONFIRMATION:
        return "The asker has to confirm it with ✅ on the plan."
    who = [one for one in request.approvers if request.self_counts or one != request.asker_id]
    return f"{request.needed} of {mentioned(who) or 'nobody'} have to approve its plan."


def _given(job: Job, request: Request) -> Iterator[str]:
    votes = request.votes if isinstance(request.votes, list) else []
    counted = [one for one in votes if isinstance(one, int)] or request.told.get("counted", [])
    plan = f"plan `{request.fingerprint[:12]}`"
    if job.consent == Consent.BREAK_GLASS:
        yield f"Root on the host consented to {plan} in their place, with `--break-glass`."
        return
    if request.status in {"latched", "consumed"} and request.decided_at:
        yield f"Consent to {plan} was given by {mentioned(counted)}."
    elif request.armed_until and job.status == Status.ARMING:
        until = moment(request.armed_until.isoformat())
        by = mentioned(counted)
        yield f"Consent to {plan} was given by {by}; ❌ still stops it until {until}."
    elif request.status == "open":
        have, until = f"{len(counted)} of {request.needed}", request.expires_at.isoformat()
        yield f"So far {have}; {plan} can be approved until {moment(until)}."


def _ended(scene: Scene, job: Job) -> Iterator[str]:
    if job.status == Status.QUEUED:
        wait = waits(scene.tx, job, scene.installation.policy, scene.now)
        if wait is None:
            yield "It starts when no other job changes the server."
        else:
            what = f"hold #{wait.hold.id}" if wait.hold else "its maintenance window"
            until = f", until {moment(wait.until.isoformat())}" if wait.until else ""
            yield f"It waits for {what}{until}."
    if job.ended_at is not None and job.sentence:
        reason = f" (`{job.reason}`)" if job.reason else ""
        yield f"{job.sentence}{reason}"


COMMAND = Command(
    name="why",
    summary="Explain how a job came to where it is",
    effect=Effect.READ,
    example="why 12",
    answer=_answer,
    parameters=(NUMBER,),
)
