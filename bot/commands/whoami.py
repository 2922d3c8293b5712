"""Says who somebody is to the bot and what they may do."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.permissions import Allowed, may_ask
from bot.replies.answers import WhoYouAre
from handlers.contract import Effect
from jobs.consent_terms import effect_policy


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    asker, policy = scene.asker, scene.installation.policy
    effects = [
        {
            "effect": effect.value,
            "may": asker.is_root
            or isinstance(may_ask(policy, asker.user_id or 0, effect), Allowed),
            "needed": list(effect_policy(policy, effect).ask),
        }
        for effect in Effect
    ]
    reply = WhoYouAre(asker.name, asker.user_id, asker.zulip_role, list(asker.roles), effects)
    return Answer(reply)


COMMAND = Command(
    name="whoami",
    summary="Show who you are to me and what you may do",
    effect=None,
    example="whoami",
    answer=_answer,
)
