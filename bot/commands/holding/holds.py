"""Lists the holds that are in force and the jobs that wait for them or for a window."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.replies.holding import HoldList
from handlers.contract import Effect
from jobs.engine import waits
from jobs.lifecycle import Status
from state import hold_store, job_store


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    holds = [
        {
            "id": hold.id,
            "why": hold.why,
            "until": hold.until.isoformat(),
            "asker_name": hold.asker_name,
            "asker_id": hold.asker_id,
        }
        for hold in hold_store.open_holds(scene.tx)
        if hold.until > scene.now
    ]
    return Answer(HoldList(scene.installation.bot_name, holds, _waiting(scene)))


def _waiting(scene: Scene) -> list[dict[str, Any]]:
    policy = scene.installation.policy
    return [
        {
            "job": job.id,
            "command": job.command,
            "until": wait.until.isoformat() if wait.until else None,
            "hold": wait.hold.id if wait.hold else None,
        }
        for job in job_store.in_status(scene.tx, Status.QUEUED)
        if (wait := waits(scene.tx, job, policy, scene.now)) is not None
    ]


COMMAND = Command(
    name="holds",
    summary="List the holds, and what waits for them",
    effect=Effect.READ,
    example="holds",
    answer=_answer,
)
