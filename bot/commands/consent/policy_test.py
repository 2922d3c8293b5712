"""Explains, without asking for anything, whether somebody may run a command and who approves it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.commands.contract import Answer, Command, Known, Look, Scene
from bot.grammar import Grammar, Parsed
from bot.permissions import Denied, may_ask, roles_of
from bot.replies.consent import Explained
from bot.replies.refusals import Refusal
from bot.replies.wording import code, listing, mentioned, person
from bot.understanding.inner_command import with_inner
from handlers.contract import Declaration, Effect, Kind, Parameter
from handlers.errors import BadCommand, Reason
from handlers.wording import duration
from jobs.consent_rules import Kind as Consent
from jobs.consent_terms import effect_policy, terms_of, waiting_time


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    try:
        parsed = _understood(Grammar(scene.installation.verbs), arguments["command"])
    except BadCommand as error:
        return Answer(Refusal(error.message, error.hint, error.reason.value))
    if not scene.people:
        message = "Zulip does not tell me who is who at the moment, so I cannot say."
        return Answer(Refusal(message, None, Reason.UNREADABLE_PERSON.value))
    who = _found(str(arguments["who"]), scene.people)
    title = f"{_named(who, str(arguments['who']))}: {code(parsed.canonical)}"
    effect = parsed.verb.effect
    sentences = [*_asking(scene, who, effect), *_consenting(scene, who, effect, yes=parsed.yes)]
    return Answer(Explained(title, sentences))


def _understood(grammar: Grammar, text: str) -> Parsed:
    """With the effect that this very command has; raises BadCommand."""
    parsed = grammar.parse(text)
    later = parsed.verb.effect_of if isinstance(parsed.verb, Declaration) else None
    inner = parsed.arguments.get(later) if later else None
    return with_inner(grammar, parsed, str(inner)) if inner else parsed


def _found(typed: str, people: Sequence[Known]) -> Known | None:
    """By number where one is given, else by name; None: no role lists such a person."""
    name, _, number = typed.rpartition("|")
    if number.isdigit():
        return next((one for one in people if one.user_id == int(number)), None)
    wanted = (name or number).casefold()
    matching = [one for one in people if one.name.casefold() == wanted]
    return matching[0] if len(matching) == 1 else None


def _named(who: Known | None, typed: str) -> str:
    return person(who.name, who.user_id) if who else code(typed)


def _asking(scene: Scene, who: Known | None, effect: Effect | None) -> list[str]:
    if effect is None:
        return ["Everybody may ask for it."]
    if who is None:
        return ["No role of the policy lists this person, so they may ask for nothing."]
    policy = scene.installation.policy
    decision = may_ask(policy, who.user_id, effect)
    roles = listing([f"*{role}*" for role in roles_of(policy, who.user_id)]) or "none"
    sentences = [f"It is {effect.value}. Their roles: {roles}."]
    if isinstance(decision, Denied):
        needed = listing([f"*{role}*" for role in decision.needed], "or") or "a role, and none is"
        return [*sentences, f"They may not ask for it: `policy.{effect.value}.ask` wants {needed}."]
    through = listing([f"*{role}*" for role in decision.roles], "or")
    sentences.append(f"They may ask for it, as {through}.")
    if not who.eligible:
        sentences.append("But that account is deactivated, a guest's or a bot's: it is refused.")
    return sentences


def _consenting(scene: Scene, who: Known | None, effect: Effect | None, *, yes: bool) -> list[str]:
    if who is None or effect is None or effect is Effect.READ:
        return (
            [] if effect in (None,) or who is None else ["It changes nothing and starts at once."]
        )
    policy = scene.installation.policy
    terms = terms_of(policy, effect, who.user_id)
    expires = duration(waiting_time(policy, effect).total_seconds())
    if yes and effect_policy(policy, effect).yes:
        return ["With `--yes` it starts without another word."]
    if terms.kind is Consent.CONFIRMATION:
        return [f"They confirm it themselves with ✅ on the plan, within {expires}."]
    known = {one.user_id for one in scene.people or () if one.eligible}
    counting = terms.approvers - (set() if terms.self_counts else {who.user_id})
    able = sorted(counting & known)
    sentences = [
        f"{terms.needed} of {mentioned(able) or 'nobody'} approve with ✅, within {expires}."
    ]
    if len(able) < terms.needed:
        sentences.append("Those are too few: it could never start.")
    if terms.arming:
        delay = duration(terms.arming.total_seconds())
        sentences.append(f"Then it waits {delay}, in which ❌ still stops it.")
    return sentences


COMMAND = Command(
    name="policy test",
    summary="Explain whether somebody may run a command",
    effect=Effect.READ,
    example='policy test @**Iago** "backup now"',
    answer=_answer,
    parameters=(
        Parameter(
            name="who",
            kind=Kind.PERSON,
            summary="somebody, as they are mentioned",
            example="@**Iago**",
            positional=True,
            required=True,
        ),
        Parameter(
            name="command",
            kind=Kind.WORD,
            summary="a command in quotes",
            example='"backup now"',
            positional=True,
            required=True,
            pattern=r"[A-Za-z][ -~]{0,200}",
        ),
    ),
    looks=frozenset({Look.PEOPLE}),
)
