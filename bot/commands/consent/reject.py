"""Refuses a waiting job in words, which end it like ❌ on its plan."""

from collections.abc import Mapping
from typing import Any

from bot.commands.consent.asking import why_not
from bot.commands.contract import Answer, Command, Scene, Word
from bot.commands.job import NUMBER
from bot.replies.consent import RejectionNoted
from handlers.contract import Effect, Kind, Parameter


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    found = why_not(scene, arguments["number"], rejects=True)
    if isinstance(found, Answer):
        return found
    job, _ = found
    word = Word(job.id, approves=False, reason=arguments.get("reason"))
    return Answer(RejectionNoted(job.id, job.command), word=word)


COMMAND = Command(
    name="reject",
    summary="Reject a waiting job, like ❌ on its plan",
    effect=Effect.READ,
    example="reject 12 not before the weekend",
    answer=_answer,
    parameters=(
        NUMBER,
        Parameter(
            name="reason",
            kind=Kind.TEXT,
            summary="why, for everybody to read",
            example="not before the weekend",
            positional=True,
        ),
    ),
    only_in_channel=True,
)
