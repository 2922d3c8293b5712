"""Pauses, resumes, removes and runs a schedule: whoever may ask for what it runs may do that."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from bot.commands.contract import Answer, Command, Scene, ScheduleAct
from bot.grammar import Grammar
from bot.permissions import Denied, may_ask, why_void
from bot.replies.refusals import NotPermitted, Refusal
from bot.replies.scheduling import ScheduleActed
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import BadCommand, Reason
from jobs.schedules import next_due, recurrence_of_row
from state import schedule_store
from state.schedule_store import Schedule

Act = Literal["pause", "resume", "remove", "run"]
_NAME = Parameter(
    name="name",
    kind=Kind.WORD,
    summary="the schedule's name",
    example="nightly",
    positional=True,
    required=True,
)


def _answer(act: Act, scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    name = arguments["name"]
    row = schedule_store.get(scene.tx, name)
    if row is None:
        return _refuse(f"There is no schedule `{name}`.", "`schedules` lists them.")
    denied = _why_not_permitted(scene, act, row)
    if denied is not None:
        return Answer(denied)
    refusal = _why_not(scene, act, row)
    if refusal is not None:
        return refusal
    moment = None if act in {"pause", "remove"} else next_due(recurrence_of_row(row), scene.now)
    reply = ScheduleActed(
        scene.installation.bot_name,
        row.name,
        row.command,
        act,
        scene.asker.name,
        scene.asker.user_id,
        moment.isoformat() if moment and not (act == "run" and row.paused) else None,
    )
    return Answer(reply, act=ScheduleAct(row.name, act))


def _why_not_permitted(scene: Scene, act: Act, row: Schedule) -> NotPermitted | None:
    asker = scene.asker
    if asker.is_root:
        return None
    decision = may_ask(scene.installation.policy, asker.user_id or 0, _effect(scene, row))
    if not isinstance(decision, Denied):
        return None
    return NotPermitted(f"schedule {act} {row.name}", list(decision.needed), list(decision.has))


def _effect(scene: Scene, row: Schedule) -> Effect:
    """Of what it runs; what is not understood any more may only be touched by who may do all."""
    try:
        effect = Grammar(scene.installation.verbs).parse(row.command).verb.effect
    except BadCommand:
        return Effect.DESTRUCTIVE
    return effect or Effect.READ


def _why_not(scene: Scene, act: Act, row: Schedule) -> Answer | None:
    stopped = row.paused or row.suspended is not None
    if act == "pause" and row.paused:
        return _refuse(f"The schedule `{row.name}` is paused already.", None, Reason.BUSY)
    if act == "resume" and not stopped:
        return _refuse(f"The schedule `{row.name}` is not paused.", None, Reason.BUSY)
    if act == "remove" and row.source == "file":
        message = f"The schedule `{row.name}` stands in zulip-ops.toml, which only root changes."
        hint = f"Remove it there and restart the bot; `schedule pause {row.name}` stops it now."
        return _refuse(message, hint, Reason.NOT_PERMITTED)
    why = why_void(scene.installation.policy, scene.installation.epoch, row)
    if act in {"resume", "run"} and why is not None:
        hint = f"`schedule change {row.name}` asks for consent anew."
        message = f"The consent to the schedule `{row.name}` does not hold any more: {why}."
        return _refuse(message, hint, Reason.NOT_PERMITTED)
    return None


def _refuse(message: str, hint: str | None, reason: Reason = Reason.BAD_ARGUMENT) -> Answer:
    return Answer(Refusal(message, hint, reason.value))


def _command(act: Act, summary: str, *, sets_going: bool = False) -> Command:
    return Command(
        name=f"schedule {act}",
        summary=summary,
        # The least: the answer asks for the right to what the schedule runs.
        effect=Effect.READ,
        example=f"schedule {act} nightly",
        answer=partial(_answer, act),
        parameters=(_NAME,),
        only_in_channel=True,
        sets_going=sets_going,
    )


PAUSE = _command("pause", "Stop a schedule for the time being")
RESUME = _command("resume", "Let a paused schedule go on", sets_going=True)
REMOVE = _command("remove", "Take a schedule away")
RUN = _command("run", "Run what a schedule runs, once and now", sets_going=True)
