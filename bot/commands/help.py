"""Says which commands there are, and how each is typed."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.commands.contract import Answer, Asker, Command, Installation, Scene
from bot.grammar import Verb, takes_number, with_number
from bot.permissions import Allowed, may_ask
from bot.replies.answers import HelpOn, HelpOverview
from handlers.contract import Kind, Parameter

#: As many lines as are read in a hurry.
_MOST_LINES = 10


def usage(parameter: Parameter) -> str:
    """How a parameter is typed: `NUMBER`, `[--to STORE]`, `[--fresh]`, `[REASON…]`."""
    place = (parameter.place or parameter.name).upper()
    if parameter.choices:
        place = "|".join(parameter.choices)
    if parameter.kind is Kind.TEXT:
        place += "…"
    if parameter.positional:
        return place if parameter.required else f"[{place}]"
    option = f"--{parameter.name.replace('_', '-')}"
    return f"[{option}]" if parameter.kind is Kind.FLAG else f"[{option} {place}]"


def described(verb: Verb) -> dict[str, Any]:
    """A verb as the reply shows it."""
    return {
        "name": _typed(verb),
        "summary": verb.summary[0].lower() + verb.summary[1:],
        "effect": verb.effect.value if verb.effect else None,
        "example": verb.example,
        "parameters": [
            {
                "usage": usage(parameter),
                "summary": parameter.summary,
                "example": None if parameter.kind is Kind.FLAG else parameter.example,
            }
            for parameter in verb.parameters[takes_number(verb) :]
        ],
    }


def _typed(verb: Verb) -> str:
    """`job NUMBER resolve`, or the name as it is."""
    return " ".join(with_number(verb, "NUMBER")) if takes_number(verb) else verb.name


def may_run(installation: Installation, asker: Asker, verb: Verb) -> bool:
    """Whether this asker may ask for the verb at all."""
    if asker.is_root or asker.user_id is None:
        return asker.is_root or verb.effect is None
    return isinstance(may_ask(installation.policy, asker.user_id, verb.effect), Allowed)


def overview(scene: Scene) -> HelpOverview:
    """The ten commands an operator needs most, of those that this asker may run."""
    verbs = scene.installation.verbs
    allowed = [verb for verb in verbs if may_run(scene.installation, scene.asker, verb)]
    # The way to the rest stands last, where the eye ends.
    others = [verb for verb in allowed if verb.name != COMMAND.name][: _MOST_LINES - 1]
    last = [verb for verb in allowed if verb.name == COMMAND.name]
    shown = [
        {"example": verb.example, "summary": verb.summary[0].lower() + verb.summary[1:]}
        for verb in others + last
    ]
    return HelpOverview(scene.installation.bot_name, shown, hidden=len(verbs) - len(allowed))


def help_on(scene: Scene, verbs: Sequence[Verb]) -> HelpOn | None:
    """How these verbs are typed; only those that the asker may run."""
    allowed = [verb for verb in verbs if may_run(scene.installation, scene.asker, verb)]
    if not allowed:
        return None
    return HelpOn(scene.installation.bot_name, [described(verb) for verb in allowed])


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    return Answer(overview(scene))


COMMAND = Command(
    name="help",
    summary="Tell more about one command",
    effect=None,
    example="help backup",
    answer=_answer,
)
