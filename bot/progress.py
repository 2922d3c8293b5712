"""Keeps one status message per job up to date."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.replies.job_news import JobProgress
from jobs.runs.records import Record, RecordKind
from state.job_store import Job

#: Edits reach every reader's client, and the server allows 200 calls a minute.
EDIT_EVERY = timedelta(seconds=5)


@dataclass(slots=True)
class Steps:
    """What a run's journal has told so far."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    sentence: str | None = None
    #: The number of the last line.
    taken: int = 0
    #: For when the newest edit was put into the outbox.
    edit_at: datetime | None = None

    def take(self, record: Record) -> None:
        """One more line of the journal; one that is told again changes nothing."""
        if record.number <= self.taken:
            return
        self.taken = record.number
        content = record.content
        if record.kind is RecordKind.STEP:
            self.steps.append({"title": content.get("title"), "state": "running", "seconds": None})
            self.sentence = None
        elif record.kind is RecordKind.STEP_DONE:
            self._finish(content.get("title"), content.get("seconds"), ok=bool(content.get("ok")))
        elif record.kind is RecordKind.PROGRESS:
            self.sentence = str(content.get("sentence"))

    def _finish(self, title: Any, seconds: Any, *, ok: bool) -> None:
        for step in reversed(self.steps):
            if step["title"] == title and step["state"] == "running":
                step |= {"state": "done" if ok else "failed", "seconds": seconds}
                return

    def may_edit_at(self, now: datetime) -> datetime:
        """When the status message may be edited next; what comes before that goes with it."""
        if self.edit_at is None:
            self.edit_at = now
        elif now > self.edit_at:
            self.edit_at = max(now, self.edit_at + EDIT_EVERY)
        return self.edit_at


def status_message(job: Job, steps: Steps) -> JobProgress:
    """What the status message says while the job runs."""
    started = job.started_at or job.created_at
    return JobProgress(job.id, job.command, started.isoformat(), steps.steps, steps.sentence)


def last_status_message(job: Job, steps: Steps) -> JobProgress:
    """What the status message says once the job has ended."""
    started = job.started_at or job.created_at
    seconds = (job.ended_at - started).total_seconds() if job.ended_at else None
    return JobProgress(
        job.id,
        job.command,
        started.isoformat(),
        steps.steps,
        sentence=None,
        ended=job.status,
        seconds=seconds,
    )
