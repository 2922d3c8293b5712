"""Answers about the bot itself: help, who you are, versions, schedules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import code, listing, mentioned, moment, person, to_type


@dataclass(frozen=True)
class HelpOverview(Reply, kind="help"):
    """The commands that the reader may run, most used first."""

    bot_name: str
    #: `example` and `summary` of each.
    commands: Sequence[Mapping[str, str]]
    hidden: int

    def text(self) -> str:
        lines = [
            f"- {to_type(self.bot_name, command['example'])}: {command['summary']}"
            for command in self.commands
        ]
        if self.hidden:
            more = "1 more needs" if self.hidden == 1 else f"{self.hidden} more need"
            whoami = to_type(self.bot_name, "whoami")
            lines.append(f"- {more} a role that you do not have; {whoami} shows your roles")
        return "\n".join(lines)


@dataclass(frozen=True)
class HelpOn(Reply, kind="help_on"):
    """One command, or the commands of one group."""

    bot_name: str
    #: `name`, `summary`, `effect`, `example`, `parameters` (`usage`, `summary`, `example` or None).
    commands: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        return "\n".join(line for command in self.commands for line in self._lines(command))

    def _lines(self, command: Mapping[str, Any]) -> list[str]:
        effect = {
            None: "",
            "read": " It only reads.",
            "routine": " It is routine: you confirm it with ✅ on the plan.",
            "disruptive": " It is disruptive: another person has to approve it.",
            "destructive": " It is destructive: two other people have to approve it.",
        }[command["effect"]]
        lines = [f"**{command['name']}**: {command['summary']}.{effect}"]
        lines += [self._parameter(parameter) for parameter in command["parameters"]]
        lines.append(f"- For example: {to_type(self.bot_name, command['example'])}")
        return lines

    def _parameter(self, parameter: Mapping[str, Any]) -> str:
        example = f", for example {code(parameter['example'])}" if parameter["example"] else ""
        return f"- `{parameter['usage']}`: {parameter['summary']}{example}"


@dataclass(frozen=True)
class WhoYouAre(Reply, kind="whoami"):
    """Who somebody is to the bot, and what they may do."""

    name: str
    user_id: int | None
    zulip_role: str
    roles: Sequence[str]
    #: What each effect allows: `effect`, `may`, `needed`.
    effects: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        roles = listing([f"*{role}*" for role in self.roles]) or "none"
        who = person(self.name, self.user_id)
        known = f"Zulip user {self.user_id}, {self.zulip_role}" if self.user_id else self.zulip_role
        lines = [f"You are {who} ({known}). Roles: {roles}."]
        for effect in self.effects:
            needed = listing([f"*{role}*" for role in effect["needed"]], "or")
            if effect["may"]:
                lines.append(f"- **{effect['effect']}** commands: you may ask for them")
            elif needed:
                lines.append(f"- **{effect['effect']}** commands: they need the role {needed}")
            else:
                lines.append(f"- **{effect['effect']}** commands: nobody may ask for them")
        return "\n".join(lines)


@dataclass(frozen=True)
class Versions(Reply, kind="version"):
    """What is running here."""

    program: str
    python: str
    zulip: str | None
    feature_level: int | None
    host_id: str
    epoch: int

    def text(self) -> str:
        zulip = (
            f"Zulip {self.zulip} (feature level {self.feature_level})"
            if self.zulip
            else "Zulip's version is not known yet"
        )
        return (
            f"zulip-ops {self.program} on Python {self.python}. {zulip}. "
            f"Host {code(self.host_id[:12])}, epoch {self.epoch}."
        )


@dataclass(frozen=True)
class ScheduleList(Reply, kind="schedules"):
    """The commands that recur, with their next and last runs."""

    #: `name`, `command`, `explained`, `tz`, `next_at`, `last_due_at`, `last_result`, `paused`,
    #: `suspended`, `source`, `asker_name`, `asker_id`, `agreed_by` (user ids).
    schedules: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        if not self.schedules:
            return (
                "There are no schedules. `schedule add` makes one; root can also write them into "
                "zulip-ops.toml."
            )
        return "\n".join(self._line(schedule) for schedule in self.schedules)

    def _line(self, schedule: Mapping[str, Any]) -> str:
        last = "It has not run yet."
        if schedule["last_due_at"]:
            last = f"Last: {moment(schedule['last_due_at'])}, {schedule['last_result']}."
        return (
            f"- **{schedule['name']}** runs {code(schedule['command'])} {schedule['explained']} "
            f"({schedule['tz']}). {_following(schedule)} {last} {_source(schedule)}"
        )


def _following(schedule: Mapping[str, Any]) -> str:
    if schedule.get("suspended"):
        return f"Suspended: {schedule['suspended']}."
    if schedule["paused"]:
        return "Paused."
    return f"Next: {moment(schedule['next_at'])}." if schedule["next_at"] else "No next."


def _source(schedule: Mapping[str, Any]) -> str:
    if schedule.get("source", "file") == "file":
        return "From zulip-ops.toml."
    by = f", agreed to by {mentioned(schedule['agreed_by'])}" if schedule["agreed_by"] else ""
    return f"Added by {person(schedule['asker_name'], schedule['asker_id'])}{by}."


@dataclass(frozen=True)
class ScheduleMissed(Reply, kind="schedule_missed"):
    """Runs that were due while nobody could start them."""

    name: str
    command: str
    missed: int
    first_due_at: str
    caught_up: bool

    def text(self) -> str:
        times = "time" if self.missed == 1 else "times"
        then = "I run it once now." if self.caught_up else "It is not made up for."
        return (
            f"The schedule **{self.name}** ({code(self.command)}) was missed {self.missed} {times} "
            f"since {moment(self.first_due_at)}. {then}"
        )


@dataclass(frozen=True)
class Part(Reply, kind="part"):
    """One of the messages into which a long answer was cut."""

    words: str

    def text(self) -> str:
        return self.words
