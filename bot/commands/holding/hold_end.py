"""Ends a hold before its time."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, HoldAct, Scene
from bot.replies.holding import HoldEnded
from bot.replies.refusals import Refusal
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import Reason
from state import hold_store


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    number = arguments.get("number")
    present = [hold for hold in hold_store.open_holds(scene.tx) if hold.until > scene.now]
    if not present:
        return _refuse("There is no hold.")
    if number is None and len(present) > 1:
        numbers = ", ".join(f"#{hold.id}" for hold in present)
        return _refuse(f"There is more than one hold; say which: {numbers}.")
    chosen = [hold for hold in present if number in (None, hold.id)]
    if not chosen:
        return _refuse(f"There is no hold #{number} in force; `holds` lists them.")
    hold, asker = chosen[0], scene.asker
    reply = HoldEnded(hold.id, hold.why, asker.name, asker.user_id, len(present) - 1)
    return Answer(reply, act=HoldAct(end=hold.id))


def _refuse(message: str) -> Answer:
    return Answer(Refusal(message, None, Reason.BAD_ARGUMENT.value))


COMMAND = Command(
    name="hold end",
    summary="End a hold before its time",
    effect=Effect.ROUTINE,
    example="hold end 3",
    answer=_answer,
    parameters=(
        Parameter(
            name="number",
            kind=Kind.INTEGER,
            summary="the hold's number; it can be left out where there is one",
            example="3",
            positional=True,
        ),
    ),
    sets_going=True,
)
