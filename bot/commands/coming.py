"""Says of commands that come with a later version what they will do."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.replies.refusals import NotYet
from handlers.contract import Effect, Kind, Parameter

#: Zulip's own version numbers: 9.2, 10.0-beta1.
VERSION_PATTERN = r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?(-(beta|rc)[0-9])?"


def _answer(_scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    will = (
        "show the plan, wait for another person's ✅, take a verified backup, upgrade Zulip to "
        f"{arguments['version']}, check it from outside, and roll back if the checks fail"
    )
    return Answer(NotYet(f"upgrade {arguments['version']}", will))


UPGRADE = Command(
    name="upgrade",
    summary="Upgrade Zulip (comes with a later version)",
    effect=Effect.DISRUPTIVE,
    example="upgrade 10.4",
    answer=_answer,
    parameters=(
        Parameter(
            name="version",
            kind=Kind.WORD,
            summary="the release to upgrade to",
            example="10.4",
            positional=True,
            required=True,
            pattern=VERSION_PATTERN,
        ),
    ),
)
