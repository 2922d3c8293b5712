"""Lists what somebody has to look after, and takes their word that it is done."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Closing, Command, Scene
from bot.commands.reasons import REASON, too_short
from bot.permissions import Allowed, may_ask
from bot.replies.refusals import NotPermitted, Refusal
from bot.replies.vigilance import IncidentEnded, IncidentList
from bot.replies.wording import to_type
from handlers.contract import Effect, Kind, Parameter
from handlers.errors import Reason
from jobs.consent_terms import effect_policy
from state import incident_store

#: Who may take a backup may say that something is looked after.
_NEEDED = Effect.ROUTINE


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    found = [
        {
            "id": one.id,
            "severity": one.severity,
            "sentence": one.sentence,
            "opened_at": one.opened_at.isoformat(),
        }
        for one in incident_store.open_incidents(scene.tx)
    ]
    return Answer(IncidentList(scene.installation.bot_name, found))


def _close(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    number, asker, policy = arguments["number"], scene.asker, scene.installation.policy
    if not asker.is_root and not isinstance(may_ask(policy, asker.user_id or 0, _NEEDED), Allowed):
        needed = list(effect_policy(policy, _NEEDED).ask)
        return Answer(NotPermitted(f"incident {number} close", needed, list(asker.roles)))
    incident = incident_store.get(scene.tx, number)
    if incident is None or incident.closed_at is not None:
        what = "There is no" if incident is None else "Closed already is"
        hint = f"{to_type(scene.installation.bot_name, 'incidents')} lists the open ones."
        message = f"{what} incident #{number}."
        return Answer(Refusal(message, hint, Reason.BAD_ARGUMENT.value))
    reason = str(arguments["reason"])
    return too_short(reason) or Answer(
        IncidentEnded(number, asker.name, asker.user_id, reason), closing=Closing(number, reason)
    )


COMMAND = Command(
    name="incidents",
    summary="List what somebody has to look after",
    effect=Effect.READ,
    example="incidents",
    answer=_answer,
)

CLOSE = Command(
    name="incident close",
    summary="Say that an incident has been looked after",
    effect=Effect.READ,
    example='incident 3 close --reason "the restore was planned"',
    answer=_close,
    parameters=(
        Parameter(
            name="number",
            kind=Kind.INTEGER,
            summary="an incident's number",
            example="3",
            positional=True,
            required=True,
        ),
        REASON,
    ),
)
