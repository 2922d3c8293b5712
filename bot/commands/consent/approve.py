"""Consents to a waiting job in words, which count like ✅ on its plan."""

from collections.abc import Mapping
from typing import Any

from bot.commands.consent.asking import why_not
from bot.commands.contract import Answer, Command, Scene, Word
from bot.commands.job import NUMBER
from bot.replies.consent import ApprovalNoted
from handlers.contract import Effect


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
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
    parameters=(NUMBER,),
    only_in_channel=True,
)
