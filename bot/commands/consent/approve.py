"""Consents to a waiting job in words, which count like ✅ on its plan."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.commands.consent.asking import why_not
from bot.commands.consent.break_glass import break_glass
from bot.commands.contract import Answer, Command, Scene, Word
from bot.commands.job import NUMBER
from bot.commands.reasons import REASON
from bot.replies.consent import ApprovalNoted
from bot.replies.refusals import Refusal
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import Reason


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    reason = arguments.get("reason")
    if arguments["break_glass"]:
        return break_glass(scene, arguments["number"], reason)
    if reason is not None:
        message = "An approval needs no `--reason`; it goes with `--break-glass`, on the host."
        return Answer(Refusal(message, None, Reason.BAD_ARGUMENT.value))
    found = why_not(scene, arguments["number"], rejects=False)
    if isinstance(found, Answer):
        return found
    job, _ = found
    return Answer(ApprovalNoted(job.id, job.command), word=Word(job.id, approves=True))


COMMAND = Command(
    name="approve",
    summary="Approve a waiting job, like ✅ on its plan",
    effect=Effect.READ,
    example="approve 12",
    answer=_answer,
    parameters=(
        NUMBER,
        Parameter(
            "break_glass", Kind.FLAG, "as root on the host, in the place of others", "--break-glass"
        ),
        replace(REASON, required=False, summary="why the glass is broken"),
    ),
    only_in_channel=True,
    sets_going=True,
)
