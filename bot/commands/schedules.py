"""Lists the commands that recur, with their next and last runs."""

from collections.abc import Mapping
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.replies.answers import ScheduleList
from handlers.contract import Effect
from jobs.schedules import explain, next_due, recurrence_of_row, source_key
from state import inbox, job_store, schedule_store


def _answer(scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    return Answer(
        ScheduleList([_entry(scene, row) for row in schedule_store.all_schedules(scene.tx)])
    )


def _entry(scene: Scene, row: schedule_store.Schedule) -> dict[str, Any]:
    recurrence = recurrence_of_row(row)
    stopped = row.paused or row.suspended is not None
    moment = None if stopped else next_due(recurrence, scene.now)
    last = schedule_store.runs_of(scene.tx, row.name, limit=1)
    return {
        "name": row.name,
        "command": row.command,
        "explained": explain(recurrence),
        "tz": row.tz,
        "next_at": moment.isoformat() if moment else None,
        "last_due_at": last[0].due_at.isoformat() if last else None,
        "last_result": _last_result(scene, row.name),
        "paused": row.paused,
        "suspended": row.suspended,
        "source": row.source,
        "asker_name": row.asker_name,
        "asker_id": row.asker_id,
        "agreed_by": [one for one in row.agreed_by if one != row.asker_id],
    }


def _last_result(scene: Scene, name: str) -> str:
    for run in schedule_store.runs_of(scene.tx, name, limit=1):
        entry = inbox.by_source(scene.tx, source_key(name, run.due_at))
        job = job_store.get(scene.tx, entry.job_id) if entry and entry.job_id else None
        return f"job #{job.id} {job.status}" if job else "answered"
    return "not run yet"


COMMAND = Command(
    name="schedules",
    summary="List what runs by itself, and when next",
    effect=Effect.READ,
    example="schedules",
    answer=_answer,
)
