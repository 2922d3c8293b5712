"""Shows the beginning and end of a job's output, and hands over the whole of it as a file."""

from collections import deque
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from bot.commands.contract import Answer, Command, Scene
from bot.commands.job import NUMBER, no_such_job
from bot.replies.job_news import LogPreview
from handlers.contract import Effect
from state import job_store, run_store

_FIRST_LINES = 5
_LAST_LINES = 15
_LONGEST_LINE_CHARACTERS = 300


def _answer(scene: Scene, arguments: Mapping[str, Any]) -> Answer:
    job = job_store.get(scene.tx, arguments["number"])
    if job is None:
        return no_such_job(scene, arguments["number"])
    for run in reversed(run_store.runs_of(scene.tx, job.id)):
        if run.folder is None:
            continue
        path = scene.installation.runs_directory / run.folder / "output.log"
        if path.is_file() and path.stat().st_size > 0:
            return Answer(preview(path, job.id), file=(path, f"job-{job.id}.log"))
    return Answer(LogPreview(job.id, "", "", 0))


def preview(path: Path, job_id: int) -> LogPreview:
    """The first five and the last fifteen lines of a file of any length."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        shortened = (line.rstrip("\n")[:_LONGEST_LINE_CHARACTERS] for line in lines)
        first = list(islice(shortened, _FIRST_LINES))
        last: deque[str] = deque(maxlen=_LAST_LINES)
        passed = 0
        for line in shortened:
            last.append(line)
            passed += 1
    left_out = passed - len(last)
    if left_out == 0:
        return LogPreview(job_id, "\n".join([*first, *last]), "", 0)
    return LogPreview(job_id, "\n".join(first), "\n".join(last), left_out)


COMMAND = Command(
    name="log",
    summary="Show a job's output, with the whole of it as a file",
    effect=Effect.READ,
    example="log 12",
    answer=_answer,
    parameters=(NUMBER,),
)
