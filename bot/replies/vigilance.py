"""What is said about the bot's own record and about what somebody has to look after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import code, count, listing, moment, person, to_type

#: As many characters of a hash as tell two apart at a glance.
SHORT_HASH = 12
_FEW = 5


@dataclass(frozen=True)
class Counting(Reply, kind="counting"):
    """Written by the bot to itself, to see which number the message gets."""

    watermark: int

    def text(self) -> str:
        return (
            f"I have seen message {self.watermark}, and it is no longer the newest. The number of "
            "this message tells me whether Zulip's numbers began again."
        )


@dataclass(frozen=True)
class EpochBegan(Reply, kind="epoch_began"):
    """Message ids mean other messages than before: what happened, what it cost, what to do."""

    bot_name: str
    number: int
    #: As in `bot.events.Evidence`.
    evidence: str
    watermark: int
    noticed_on: int | None
    #: `id` and `command` of each job that waited.
    stale: Sequence[Mapping[str, Any]]
    running: Sequence[int]
    commands: Sequence[str]
    dropped: int
    incident: int
    #: Names of the schedules whose consent was given in an earlier epoch.
    suspended: Sequence[str] = ()

    def text(self) -> str:
        lines = [
            f"**Epoch {self.number} begins.** {self._why()} Whatever waited for consent is void.",
            f"- {self._stale()}",
        ]
        if self.running:
            jobs = listing([f"#{job}" for job in self.running])
            lines.append(f"- Under way and left to end: {jobs}.")
        if self.commands:
            typed = listing([code(command) for command in self.commands[:_FEW]])
            more = len(self.commands) - _FEW
            others = f" and {more} more" if more > 0 else ""
            lines.append(f"- Not answered, because the messages are gone: {typed}{others}.")
        if self.suspended:
            names = listing([code(name) for name in self.suspended])
            lines.append(
                f"- Suspended until they are consented to anew: {names}. "
                f"{to_type(self.bot_name, 'schedules')} shows them."
            )
        if self.dropped:
            lines.append(
                f"- {count(self.dropped, 'message')} of mine about earlier messages "
                f"{'is' if self.dropped == 1 else 'are'} dropped."
            )
        closing = f'incident {self.incident} close --reason "a backup was restored"'
        lines.append(
            "Was this meant? Then ask again for what is still wanted, and close the incident: "
            f"{to_type(self.bot_name, closing)}. If not, find out who put Zulip's database back."
        )
        return "\n".join(lines)

    def _why(self) -> str:
        match self.evidence:
            case "other_server":
                return "Another Zulip organization answers me than before, or at another address."
            case "reused":
                return (
                    f"Message {self.noticed_on} is another one than I saw: Zulip's database was "
                    "put back to an earlier state."
                )
            case "went_back":
                return (
                    f"I had seen message {self.watermark}, and a new one got the number "
                    f"{self.noticed_on}: Zulip's database was put back to an earlier state."
                )
        return (
            f"The newest messages that I saw, up to {self.watermark}, are gone: I take it that "
            "Zulip's database was put back to an earlier state."
        )

    def _stale(self) -> str:
        if not self.stale:
            return "No job was waiting."
        jobs = listing([f"#{job['id']} ({code(job['command'])})" for job in self.stale])
        return f"Jobs that waited and are stale now: {jobs}."


@dataclass(frozen=True)
class GoesOn(Reply, kind="goes_on"):
    """A run that is under way while an epoch begins; opens its topic anew."""

    job: int
    command: str
    epoch: int

    def text(self) -> str:
        return (
            f"Job #{self.job} ({code(self.command)}) goes on. It began before epoch {self.epoch}, "
            "so what was said of it earlier may be gone from here."
        )


@dataclass(frozen=True)
class IncidentBegan(Reply, kind="incident_began"):
    """Something that somebody has to look after."""

    bot_name: str
    id: int
    severity: str
    sentence: str

    def text(self) -> str:
        closing = f'incident {self.id} close --reason "what was done about it"'
        return (
            f"**Incident #{self.id}, {self.severity}.** {self.sentence}\n"
            f"Once that is looked after: {to_type(self.bot_name, closing)}."
        )


@dataclass(frozen=True)
class IncidentList(Reply, kind="incidents"):
    """What is open."""

    bot_name: str
    #: `id`, `severity`, `sentence`, `opened_at`.
    incidents: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        if not self.incidents:
            return "No incident is open."
        lines = [
            f"- #{one['id']} **{one['severity']}** · {moment(one['opened_at'])} · "
            + " ".join(one["sentence"].split())
            for one in self.incidents
        ]
        example = f'incident {self.incidents[0]["id"]} close --reason "what was done about it"'
        return "\n".join([*lines, f"To close one: {to_type(self.bot_name, example)}"])


@dataclass(frozen=True)
class IncidentEnded(Reply, kind="incident_ended"):
    """Who closed it, and why."""

    id: int
    by_name: str
    by_id: int | None
    reason: str

    def text(self) -> str:
        by = person(self.by_name, self.by_id)
        return f"Incident #{self.id} is closed by {by}: {code(self.reason)}"


@dataclass(frozen=True)
class AuditPage(Reply, kind="audit"):
    """Who did what when, newest first."""

    bot_name: str
    #: `seq`, `at`, `actor_name`, `actor_id`, `action`, `job`, `told`.
    entries: Sequence[Mapping[str, Any]]
    older_command: str | None
    nothing: str = "The audit log is empty."

    def text(self) -> str:
        if not self.entries:
            return self.nothing
        lines = [self._line(entry) for entry in self.entries]
        if self.older_command:
            lines.append(f"Older: {to_type(self.bot_name, self.older_command)}")
        return "\n".join(lines)

    def _line(self, entry: Mapping[str, Any]) -> str:
        parts = [f"- {entry['seq']}", moment(entry["at"])]
        parts.append(person(entry["actor_name"], entry["actor_id"]))
        parts.append(f"**{entry['action']}**")
        if entry["job"] is not None:
            parts.append(f"job #{entry['job']}")
        if entry["told"]:
            parts.append(code(entry["told"]))
        return " · ".join(parts)


@dataclass(frozen=True)
class AuditVerdict(Reply, kind="audit_verdict"):
    """Every entry of the audit log is what was once written."""

    bot_name: str
    entries: int
    hash: str | None
    #: The first bad entry, in a sentence.
    bad: str | None
    #: Heads that were kept outside the log: `where`, `at`, `seq`, `hash`, `fits`.
    kept: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        if not self.entries:
            return "The audit log is empty."
        holds = "The one entry holds" if self.entries == 1 else f"All {self.entries:,} entries hold"
        fits = listing([self._source(head) for head in self.kept])
        against = f" That fits {fits}." if fits else ""
        return f"{holds}; the head is `{(self.hash or '')[:SHORT_HASH]}`.{against}"

    def _source(self, head: Mapping[str, Any]) -> str:
        if head["where"] == "told":
            return f"the head that I told {moment(head['at'])}"
        return f"the record of the backup of {moment(head['at'])}"


@dataclass(frozen=True)
class AuditBroken(AuditVerdict, kind="audit_broken"):
    """Something in the audit log is not what was once written."""

    is_refusal = True

    def text(self) -> str:
        problems = [self.bad] if self.bad else []
        problems += [self._contradiction(head) for head in self.kept if not head["fits"]]
        return (
            f"**The audit log is not what was written.** {' '.join(problems)} Keep a copy of "
            "zulip-ops.db as it is, and hold it against the heads in the topic *audit* and in "
            "the records of the backups."
        )

    def _contradiction(self, head: Mapping[str, Any]) -> str:
        source = self._source(head)
        if head["seq"] > self.entries:
            return (
                f"It ends at entry {self.entries}, but {source} has entry {head['seq']}: "
                "its end was cut off."
            )
        return f"Entry {head['seq']} is not the one in {source}."


@dataclass(frozen=True)
class AuditUnread(Reply, kind="audit_unread"):
    """The log is so long that it is still being read."""

    is_refusal = True

    bot_name: str

    def text(self) -> str:
        again = to_type(self.bot_name, "audit verify")
        return f"I am still reading the audit log. Ask again in a minute: {again}."


@dataclass(frozen=True)
class AuditHead(Reply, kind="audit_head"):
    """The head of the log, once a day, so that nobody can shorten it unseen."""

    entries: int
    hash: str

    def text(self) -> str:
        entries = "1 entry" if self.entries == 1 else f"{self.entries:,} entries"
        return f"The audit log holds {entries}, all as written. Head: `{self.entries} {self.hash}`"
