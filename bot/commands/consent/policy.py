"""Shows the policy in force: who may ask for what, and who consents to it."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.replies.consent import PolicyShown
from handlers.contract import Effect
from handlers.wording import duration
from jobs.configuration import Policy
from jobs.consent_rules import Kind
from jobs.consent_terms import effect_policy, policy_sha256, terms_of, waiting_time
from jobs.waiting import windows_of

#: Nobody's number: the terms for whoever is in no list.
_SOMEBODY = -1


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    policy = scene.installation.policy
    roles = [{"name": name, "people": list(people)} for name, people in policy.roles.items()]
    effects = [_effect(policy, effect) for effect in Effect]
    return Answer(PolicyShown(roles, effects, policy.solo, policy_sha256(policy)))


def _effect(policy: Policy, effect: Effect) -> dict[str, Any]:
    chosen = effect_policy(policy, effect)
    terms = terms_of(policy, effect, _SOMEBODY)
    arming = terms.arming.total_seconds()
    return {
        "effect": effect.value,
        "ask": list(chosen.ask),
        "approve": list(chosen.approve),
        "people": terms.needed,
        "self_approval": terms.self_counts,
        "confirms": terms.kind is Kind.CONFIRMATION,
        "yes": chosen.yes,
        "expires": duration(waiting_time(policy, effect).total_seconds()),
        "windows": list(windows_of(policy, effect)),
        "arming": duration(arming) if arming else None,
    }


COMMAND = Command(
    name="policy",
    summary="Show who may ask for what, and who approves it",
    effect=Effect.READ,
    example="policy",
    answer=_answer,
)
