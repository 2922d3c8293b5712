"""Begins a hold: for a while nothing disruptive starts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.commands.contract import Answer, Command, HoldAct, Scene
from bot.replies.holding import HoldBegan
from bot.replies.refusals import Refusal
from bot.understanding.moments import Until, lasting, until
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import BadCommand, Reason
from jobs.lifecycle import Status
from jobs.waiting import HELD
from state import job_store
from state.hold_store import NewHold

#: Longer is no hold but a decision, and belongs into the policy.
LONGEST = timedelta(days=14)


def _until(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    try:
        wanted = until(arguments["when"], scene.now, ZoneInfo(scene.installation.tz))
    except BadCommand as error:
        return Answer(Refusal(error.message, error.hint, error.reason.value))
    return _begin(scene, wanted)


def _for(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    try:
        wanted = lasting(arguments["how_long"], scene.now)
    except BadCommand as error:
        return Answer(Refusal(error.message, error.hint, error.reason.value))
    return _begin(scene, wanted)


def _begin(scene: Scene, wanted: Until) -> Answer:
    if wanted.at <= scene.now:
        return _refuse("That time is over already.")
    if wanted.at - scene.now > LONGEST:
        return _refuse(f"A hold lasts {LONGEST.days} days at most; begin another one then.")
    asker = scene.asker
    new = NewHold(wanted.why, asker.user_id, asker.name, wanted.at)
    queued = job_store.in_status(scene.tx, Status.QUEUED)
    waiting = [job for job in queued if Effect(job.effect) in HELD]
    reply = HoldBegan(scene.installation.bot_name, wanted.at.isoformat(), wanted.why, len(waiting))
    return Answer(reply, act=HoldAct(begin=new))


def _refuse(message: str) -> Answer:
    return Answer(Refusal(message, None, Reason.BAD_ARGUMENT.value))


UNTIL = Command(
    name="hold until",
    summary="Let nothing disruptive start until then",
    effect=Effect.ROUTINE,
    example="hold until Mon 06:00 because the exams go on",
    answer=_until,
    parameters=(
        Parameter(
            name="when",
            kind=Kind.TEXT,
            summary="a time, and `because` with the reason",
            example="Mon 06:00 because the exams go on",
            positional=True,
            required=True,
        ),
    ),
)
FOR = Command(
    name="hold for",
    summary="Let nothing disruptive start for so long",
    effect=Effect.ROUTINE,
    example="hold for 2h because the exams go on",
    answer=_for,
    parameters=(
        Parameter(
            name="how_long",
            kind=Kind.TEXT,
            summary="a length of time, and `because` with the reason",
            example="2h because the exams go on",
            positional=True,
            required=True,
        ),
    ),
)
