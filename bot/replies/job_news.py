"""What is said about a job while it lives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import code, count, fence, moment, person, spoiler
from handlers.wording import duration

#: How each end is called in a sentence.
_ENDS = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "rejected": "was rejected",
    "expired": "expired",
    "stale": "is stale",
    "interrupted": "was interrupted",
}
_SHOWN_TAIL_LINES = 15


@dataclass(frozen=True)
class JobAccepted(Reply, kind="job_accepted"):
    """Where a new job can be followed, said where the command was typed."""

    job: int
    command: str
    channel: str
    topic: str

    def text(self) -> str:
        return f"{code(self.command)} is job #{self.job}: #**{self.channel}>{self.topic}**."


@dataclass(frozen=True)
class PlanCard(Reply, kind="plan_card"):
    """The very text that people consent to, as the runner wrote it."""

    card: str

    def text(self) -> str:
        return self.card


@dataclass(frozen=True)
class JobWaits(Reply, kind="job_waits"):
    """A job is queued behind another one."""

    job: int
    behind: int
    behind_command: str

    def text(self) -> str:
        return (
            f"Job #{self.job} waits for job #{self.behind} ({code(self.behind_command)}): only one "
            "job changes the server at a time. It starts by itself."
        )


@dataclass(frozen=True)
class JobProgress(Reply, kind="job_progress"):
    """The one status message of a running job; it is edited as steps pass."""

    job: int
    command: str
    started_at: str
    #: `title`, `state` (done, running, failed), `seconds`.
    steps: Sequence[Mapping[str, Any]]
    sentence: str | None
    ended: str | None = None
    seconds: float | None = None

    def text(self) -> str:
        if self.ended:
            head = f"Job #{self.job} {_ENDS[self.ended]} after {duration(self.seconds or 0)}."
        else:
            head = (
                f"Job #{self.job} is running {code(self.command)} since {moment(self.started_at)}."
            )
        lines = [self._line(step) for step in self.steps]
        if self.sentence and not self.ended:
            lines.append(f"  {self.sentence}")
        return "\n".join([head, *lines])

    def _line(self, step: Mapping[str, Any]) -> str:
        mark = {"done": "✔", "running": "…", "failed": "✘"}[step["state"]]
        took = f" · {duration(step['seconds'])}" if step.get("seconds") is not None else ""
        return f"- {mark} {step['title']}: {step['state']}{took}"


@dataclass(frozen=True)
class JobEnded(Reply, kind="job_ended"):
    """How a job ended: what was done, the state of the server, how long, what next."""

    job: int
    command: str
    status: str
    asker_name: str
    asker_id: int | None
    sentence: str
    state: str | None
    hint: str | None
    next: str | None
    seconds: float | None
    tail: str = ""
    caught_up: bool = False

    def text(self) -> str:
        notified = (
            f"@**{person(self.asker_name, self.asker_id)[4:]}"
            if self.asker_id is not None
            else self.asker_name
        )
        took = f" after {duration(self.seconds)}" if self.seconds is not None else ""
        late = " It made up for a missed run." if self.caught_up else ""
        lines = [f"**Job #{self.job}** ({code(self.command)}) {_ENDS[self.status]}{took}.{late}"]
        lines.append(self.sentence)
        if self.state:
            lines.append(f"Server: {self.state}")
        following = " ".join(part for part in (self.hint, self._next()) if part)
        lines.append(f"{following} For {notified}." if following else f"For {notified}.")
        if self.tail and self.status != "succeeded":
            lines.append(spoiler("The tool's last lines", fence(last_lines(self.tail))))
        return "\n".join(lines)

    def _next(self) -> str | None:
        return f"Next: {code(self.next)}." if self.next else None


def last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-_SHOWN_TAIL_LINES:])


@dataclass(frozen=True)
class CancelAsked(Reply, kind="cancel_asked"):
    """What `cancel` set in motion."""

    job: int
    command: str
    was: str

    def text(self) -> str:
        if self.was == "running":
            return (
                f"I am ending job #{self.job} ({code(self.command)}) and everything it started. "
                "Its topic will tell what state was left."
            )
        return (
            f"Job #{self.job} ({code(self.command)}) is cancelled. It had not started, so nothing "
            "on the server was changed."
        )


@dataclass(frozen=True)
class HistoryPage(Reply, kind="history"):
    """Finished and running jobs, newest first."""

    #: `id`, `command`, `status`, `asker_name`, `created_at`, `seconds`.
    jobs: Sequence[Mapping[str, Any]]
    older_command: str | None
    nothing: str = "There are no jobs yet."

    def text(self) -> str:
        if not self.jobs:
            return self.nothing
        lines = [self._line(job) for job in self.jobs]
        if self.older_command:
            lines.append(f"Older: {code(self.older_command)}")
        return "\n".join(lines)

    def _line(self, job: Mapping[str, Any]) -> str:
        took = f" in {duration(job['seconds'])}" if job["seconds"] is not None else ""
        return (
            f"- #{job['id']} {code(job['command'])} **{job['status'].replace('_', ' ')}**{took} · "
            f"{job['asker_name']} · {moment(job['created_at'])}"
        )


@dataclass(frozen=True)
class JobDetail(Reply, kind="job"):
    """One job whole: who, what, when, how long, outcome."""

    id: int
    command: str
    status: str
    effect: str
    asker_name: str
    asker_id: int | None
    consent: str
    created_at: str
    seconds: float | None
    sentence: str | None
    #: `label`, `at` of each moment of its life.
    moments: Sequence[Mapping[str, str]]
    #: `name`, `value` of what the run found out.
    details: Sequence[Mapping[str, str]]
    fingerprint: str | None
    #: `attempt`, `mode`, `status`.
    runs: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        took = f" after {duration(self.seconds)}" if self.seconds is not None else ""
        lines = [
            f"**Job #{self.id}** {code(self.command)}: **{self.status.replace('_', ' ')}**{took}",
            f"- Asked by {person(self.asker_name, self.asker_id)}, effect {self.effect}, "
            f"consent: {self.consent}",
        ]
        if self.sentence:
            lines.append(f"- {self.sentence}")
        told = ", ".join(f"{point['label']} {moment(point['at'])}" for point in self.moments)
        lines.append(f"- {told}")
        lines += [f"- {fact['name']}: {code(fact['value'])}" for fact in self.details]
        if self.fingerprint:
            lines.append(f"- Plan `{self.fingerprint[:12]}`, {count(len(self.runs), 'run')}")
        lines.append(f"- Output: `log {self.id}`")
        return "\n".join(lines)


@dataclass(frozen=True)
class LogPreview(Reply, kind="log"):
    """The beginning and end of a job's output; the whole of it is a file."""

    job: int
    first: str
    last: str
    left_out: int
    #: Set by the sender once the file is uploaded.
    link: str | None = None
    file: str | None = None
    file_name: str | None = None

    def text(self) -> str:
        if not self.first:
            return f"Job #{self.job} has written no output."
        shown = self.first
        if self.left_out:
            shown += f"\n… {count(self.left_out, 'line')} left out …\n{self.last}"
        link = f"[{self.file_name}]({self.link})" if self.link else "not uploaded"
        return f"Output of job #{self.job}: {link}\n{spoiler('Preview', fence(shown))}"


@dataclass(frozen=True)
class Adopted(Reply, kind="adopted"):
    """A run that root started on the host while the bot was away."""

    job: int
    command: str

    def text(self) -> str:
        return (
            f"While I was away, root ran {code(self.command)} on the host. It is job #{self.job}."
        )
