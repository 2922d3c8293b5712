"""Says which versions are running."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.replies.answers import Versions


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    reply = Versions(
        program=version("zulip-ops"),
        python=platform.python_version(),
        zulip=scene.zulip_version,
        feature_level=scene.feature_level,
        host_id=scene.installation.host_id,
        epoch=scene.installation.epoch,
    )
    return Answer(reply)


COMMAND = Command(
    name="version",
    summary="Show the versions of Zulip, of me and of Python",
    effect=None,
    example="version",
    answer=_answer,
)
