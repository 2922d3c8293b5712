"""What is said about a job while it lives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.replies.copies import shown
from bot.replies.reply import Reply
from bot.replies.wording import (
    code,
    count,
    fence,
    mentioned,
    moment,
    person,
    plain,
    spoiler,
    to_type,
)
from handlers.wording import duration

#: How each end is called in a sentence.
ENDS = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "rejected": "was rejected",
    "expired": "expired",
    "stale": "is stale",
    "interrupted": "was interrupted",
}
#: What the commands are good for that follow the end of a job.
_TELLS = {
    "backups": "lists the copies",
    "log": "shows its output",
    "rollback": "goes back, should something be wrong",
    "status": "shows the server",
}
_SHOWN_TAIL_LINES = 15
#: How the runner marks its own lines in the log.
_OUR_OWN = ("== ", "!! ")


@dataclass(frozen=True)
class JobAccepted(Reply, kind="job_accepted"):
    """Where a new job can be followed, said where the command was typed."""

    job: int
    channel: str
    topic: str
    #: Whether the asker has yet to say ✅ to the plan.
    to_confirm: bool
    #: How many other people have to approve it instead.
    others: int = 0

    def text(self) -> str:
        topic = f"#**{self.channel}>{self.topic}**"
        if self.to_confirm and self.others:
            people = "Another person has" if self.others == 1 else f"{self.others} others have"
            return f"Job #{self.job}: its plan comes in {topic}. {people} to approve it there."
        if self.to_confirm:
            return f"Job #{self.job}: its plan comes in {topic}. Confirm it there with ✅."
        return f"Job #{self.job} starts now; follow it in {topic}."


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
        lines = [self._line(step) for step in self.steps]
        if self.sentence and not self.ended:
            lines.append(f"  {self.sentence}")
        return "\n".join([self._head(), *lines])

    def _head(self) -> str:
        if not self.ended:
            return (
                f"Job #{self.job} ({code(self.command)}) has been running since "
                f"{moment(self.started_at)}."
            )
        took = duration(self.seconds or 0)
        states = [step["state"] for step in self.steps]
        if self.ended != "succeeded" and "failed" in states:
            return f"Step {states.index('failed') + 1} failed, after {took}."
        if self.ended != "succeeded" or not states:
            return f"Job #{self.job} {ENDS[self.ended]}, after {took}."
        done = states.count("done")
        if done == len(states):
            return (
                f"All {count(done, 'step')} are done, in {took}."
                if done > 1
                else (f"The one step is done, in {took}.")
            )
        return f"{done} of {len(states)} steps are done, in {took}; the others failed."

    def _line(self, step: Mapping[str, Any]) -> str:
        took = f" · {duration(step['seconds'])}" if step.get("seconds") is not None else ""
        if step["state"] == "done":
            return f"- ✔ {step['title']}{took}"
        if step["state"] == "failed":
            return f"- ✘ {step['title']} failed{took}"
        return f"- … {step['title']} ({'did not end' if self.ended else 'running'})"


@dataclass(frozen=True)
class JobEnded(Reply, kind="job_ended"):
    """How a job ended: what was done, the state of the server, how long, what next."""

    bot_name: str
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
    #: The other people who approved it.
    approved_by: Sequence[int] = ()
    #: Whom the failure of a schedule concerns; they are notified.
    notify: Sequence[int] = ()
    #: Whether the schedule's run before this one had gone wrong.
    recovered: bool = False
    #: What it was asked to show: the operation, and what it found.
    operation: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        took = f" after {duration(self.seconds)}" if self.seconds is not None else ""
        late = " It made up for a missed run." if self.caught_up else ""
        late += " The run before it had not succeeded." if self.recovered else ""
        by = f", approved by {mentioned(self.approved_by)}" if self.approved_by else ""
        head = f"**Job #{self.job}** ({code(self.command)}{by}) {ENDS[self.status]}{took}.{late}"
        lines = [f"{self._mention()}{head}", self.sentence]
        if self.state:
            lines.append(self.state)
        if (what := shown(self.operation, self.facts, self.bot_name)) is not None:
            lines.append(what)
        following = " ".join(part for part in (self.hint, self._next()) if part)
        if following:
            lines.append(following)
        if self.status != "succeeded" and tool_said_something(self.tail):
            lines.append(spoiler("The last lines of its output", fence(last_lines(self.tail))))
        return "\n".join(lines)

    def _mention(self) -> str:
        """Whoever asked is notified, or added the schedule; root cannot be."""
        if self.asker_id is None:
            return "".join(f"@**|{user_id}** " for user_id in self.notify)
        return f"@**{plain(self.asker_name)}|{self.asker_id}** "

    def _next(self) -> str | None:
        command = self.next
        if command is None and self.status in {"failed", "interrupted"} and not self.hint:
            command = f"log {self.job}"
        if command is None:
            return None
        tells = _TELLS.get(command.split()[0])
        return f"Next: {to_type(self.bot_name, command)}{f' {tells}' if tells else ''}."


def last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-_SHOWN_TAIL_LINES:])


def tool_said_something(tail: str) -> bool:
    """Whether there is more than the titles of our own steps and our own verdict."""
    lines = (line.strip() for line in tail.splitlines())
    return any(line and not line.startswith(_OUR_OWN) for line in lines)


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
class JobResolved(Reply, kind="job_resolved"):
    """A person says how an interrupted job ended."""

    job: int
    command: str
    succeeded: bool
    by_name: str
    by_id: int | None
    reason: str

    def text(self) -> str:
        how = "succeeded" if self.succeeded else "failed"
        return (
            f"**Job #{self.job}** ({code(self.command)}) {how}, says "
            f"{person(self.by_name, self.by_id)}: {code(self.reason)}\n"
            "The host is free again; what was queued behind it goes on."
        )


@dataclass(frozen=True)
class HistoryPage(Reply, kind="history"):
    """Finished and running jobs, newest first."""

    bot_name: str
    #: `id`, `command`, `status`, `asker_name`, `created_at`, `seconds`.
    jobs: Sequence[Mapping[str, Any]]
    older_command: str | None
    nothing: str = "There are no jobs yet."

    def text(self) -> str:
        if not self.jobs:
            return self.nothing
        lines = [self._line(job) for job in self.jobs]
        if self.older_command:
            lines.append(f"Older: {to_type(self.bot_name, self.older_command)}")
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

    bot_name: str
    id: int
    command: str
    status: str
    effect: str
    asker_name: str
    asker_id: int | None
    #: As in `confirmed by Iago with ✅`.
    consent: str
    created_at: str
    #: `for` what it waited, `seconds`.
    waited: Sequence[Mapping[str, Any]]
    started_at: str | None
    ended_at: str | None
    #: How long it ran, where it ran and ended.
    seconds: float | None
    sentence: str | None
    #: `name`, `value` of what the run found out.
    details: Sequence[Mapping[str, str]]
    fingerprint: str | None
    #: Whose word it is that an interrupted job ended so: `by`, `reason`.
    resolution: Mapping[str, str] | None = None

    def text(self) -> str:
        lines = [
            f"**Job #{self.id}** ({code(self.command)}): **{self.status.replace('_', ' ')}**",
            f"- {self.effect}, asked by {person(self.asker_name, self.asker_id)}",
            f"- {', '.join(self._times())}",
        ]
        if self.sentence:
            lines.append(f"- {self.sentence}")
        if self.resolution:
            by, reason = plain(self.resolution["by"]), code(self.resolution["reason"])
            lines.append(f"- how it ended was decided by {by}: {reason}")
        lines += [f"- {fact['name']}: {code(fact['value'])}" for fact in self.details]
        plan = f"Plan `{self.fingerprint[:12]}`" if self.fingerprint else "No plan yet"
        lines.append(f"- {plan}, {self.consent}")
        lines.append(f"- Output: {to_type(self.bot_name, f'log {self.id}')}")
        return "\n".join(lines)

    def _times(self) -> list[str]:
        told = [f"asked {moment(self.created_at)}"]
        told += [f"waited {duration(wait['seconds'])} {wait['for']}" for wait in self.waited]
        if self.seconds is not None:
            told.append(f"ran for {duration(self.seconds)}")
        elif self.ended_at:
            told.append(f"ended {moment(self.ended_at)} without having run")
        elif self.started_at:
            told.append(f"running since {moment(self.started_at)}")
        return told


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
