"""What is said about schedules that people stop, let go on, or lose."""

from dataclasses import dataclass

from bot.replies.reply import Reply
from bot.replies.wording import code, moment, person, to_type


@dataclass(frozen=True)
class ScheduleActed(Reply, kind="schedule_acted"):
    """Somebody paused, resumed or removed a schedule, or had it run out of turn."""

    bot_name: str
    name: str
    command: str
    act: str
    by: str
    by_id: int | None
    next_at: str | None = None

    def text(self) -> str:
        who = person(self.by, self.by_id)
        said = f"The schedule **{self.name}** ({code(self.command)})"
        again = to_type(self.bot_name, f"schedule resume {self.name}")
        following = f" Next: {moment(self.next_at)}." if self.next_at else ""
        return {
            "pause": f"{said} is paused by {who} and starts nothing until {again}.",
            "resume": f"{said} goes on, says {who}.{following}",
            "remove": f"{said} is removed by {who}. What it ran stays in the history.",
            "run": f"{said} runs once now, says {who}.{following}",
        }[self.act]


@dataclass(frozen=True)
class ScheduleSuspended(Reply, kind="schedule_suspended"):
    """The consent to a schedule does not hold any more."""

    bot_name: str
    name: str
    command: str
    why: str
    asker_id: int | None
    #: False: it was not due; nothing can bring the consent of an earlier epoch back.
    was_due: bool = True

    def text(self) -> str:
        mention = f"@**|{self.asker_id}** " if self.asker_id is not None else ""
        change = to_type(self.bot_name, f"schedule change {self.name}")
        if not self.was_due:
            return (
                f"{mention}The schedule **{self.name}** ({code(self.command)}) is suspended: "
                f"{self.why}. It starts nothing until somebody agrees to it anew, with {change}."
            )
        resume = to_type(self.bot_name, f"schedule resume {self.name}")
        return (
            f"{mention}The schedule **{self.name}** ({code(self.command)}) was due and nothing was "
            f"started: {self.why}. It starts nothing until somebody agrees to it anew, with "
            f"{change}, or {resume} once that is mended."
        )


@dataclass(frozen=True)
class ScheduleIsRoots(Reply, kind="schedule_is_roots"):
    """A schedule was agreed to whose name root had taken meanwhile."""

    name: str
    job: int

    def text(self) -> str:
        return (
            f"The schedule **{self.name}** of job #{self.job} was not kept: zulip-ops.toml has one "
            "of that name, and the file goes before."
        )
