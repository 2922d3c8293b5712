"""Shows the server at a glance, from the observer's facts and what the bot sees itself."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Look, Scene, ServerSeen
from bot.replies.observations import ServerStatus
from handlers.contract import Effect, Kind, Parameter
from jobs.engine import waits
from jobs.lifecycle import OPEN, Status
from jobs.observing.facts import Fact
from jobs.schedules import next_due, recurrences
from state import job_store, schedule_store
from state.job_store import Job

_SCHEDULES_SHOWN = 3
_UNSEEN = ServerSeen(ok=False, sentence="I have not asked Zulip.")


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    seen = scene.server or _UNSEEN
    reply = ServerStatus(
        bot_name=scene.installation.bot_name,
        now=scene.now.isoformat(),
        seen_by_bot={"ok": seen.ok, "sentence": seen.sentence},
        findings=_findings(scene),
        round_ended_at=scene.facts.ended_at.isoformat() if scene.facts else None,
        facts_problem=scene.facts_problem,
        jobs=_jobs(scene),
        schedules=_schedules(scene),
        schedule_name=scene.schedule_name,
    )
    return Answer(reply)


def _findings(scene: Scene) -> dict[str, dict[str, Any]]:
    if scene.facts is None:
        return {}
    return {
        name: {
            "at": fact.at.isoformat(),
            "level": fact.level,
            "sentence": fact.sentence,
            "hint": fact.hint,
            "stores": _newest_copies(fact),
        }
        for name, fact in scene.facts.facts.items()
    }


def _newest_copies(fact: Fact) -> list[dict[str, Any]]:
    """Of each store what the reply says of it; when a copy was taken outlives how old it is."""
    if fact.name != "backups":
        return []
    keys = (*("name", "problem", "newest", "created_at", "verified", "damaged", "missing_files"),)
    return [{key: store.get(key) for key in keys} for store in fact.records("stores")]


def _jobs(scene: Scene) -> list[dict[str, Any]]:
    return [
        {
            "id": job.id,
            "command": job.command,
            "status": job.status,
            "since": (job.started_at or job.queued_at or job.created_at).isoformat(),
            "waits_until": _waits_until(scene, job),
        }
        for job in job_store.in_status(scene.tx, *sorted(OPEN))
    ]


def _waits_until(scene: Scene, job: Job) -> str | None:
    """When a hold or a window lets it start, if one keeps it waiting."""
    queued = job.status == Status.QUEUED
    wait = waits(scene.tx, job, scene.installation.policy, scene.now) if queued else None
    return wait.until.isoformat() if wait is not None and wait.until is not None else None


def _schedules(scene: Scene) -> list[dict[str, Any]]:
    due = [
        {"name": name, "next_at": moment.isoformat()}
        for name, recurrence in recurrences(schedule_store.all_schedules(scene.tx)).items()
        if (moment := next_due(recurrence, scene.now))
    ]
    return sorted(due, key=lambda entry: entry["next_at"])[:_SCHEDULES_SHOWN]


COMMAND = Command(
    name="status",
    summary="Show the server at a glance",
    effect=Effect.READ,
    example="status",
    answer=_answer,
    parameters=(
        Parameter(
            name="fresh",
            kind=Kind.FLAG,
            summary="look at the host now instead of showing the last look",
            example="--fresh",
        ),
    ),
    looks=frozenset({Look.HEALTH, Look.FRESH_FACTS}),
)
