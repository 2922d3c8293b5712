"""What is seen of the server: its status and its backups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import age, age_seconds, code, moment
from handlers.wording import size

#: What the checks are called for people, in the order they are shown.
TITLES = {
    "zulip_version": "Zulip",
    "uptime_load": "Uptime and load",
    "memory": "Memory",
    "disks": "Disks",
    "postgresql": "PostgreSQL",
    "supervisor": "Programs",
    "backups": "Backups",
}
_STALE_SECONDS = 180


@dataclass(frozen=True)
class ServerStatus(Reply, kind="status"):
    """The server at a glance."""

    now: str
    #: Zulip as the bot itself sees it, this moment: `ok`, `sentence`.
    seen_by_bot: Mapping[str, Any]
    #: By check: `at`, `level`, `sentence`, `hint`; empty with `facts_problem` when unreadable.
    findings: Mapping[str, Mapping[str, Any]]
    round_ended_at: str | None
    facts_problem: str | None
    #: `id`, `command`, `status`, `since`.
    jobs: Sequence[Mapping[str, Any]]
    #: `name`, `command`, `next_at`.
    schedules: Sequence[Mapping[str, Any]]
    schedule_name: str | None = None

    def text(self) -> str:
        lines = [self._head(), f"- **Seen by the bot**: {self.seen_by_bot['sentence']}"]
        lines += [self._line(name) for name in TITLES]
        lines.append(f"- **Jobs**: {self._jobs()}")
        lines.append(f"- **Next**: {self._schedules()}")
        return "\n".join(lines)

    def _head(self) -> str:
        levels = [finding["level"] for finding in self.findings.values()]
        levels.append("ok" if self.seen_by_bot["ok"] else "critical")
        if self.facts_problem:
            levels.append("unknown")
        counts = [
            f"{levels.count(level)} {level}"
            for level in ("critical", "warning", "unknown")
            if level in levels
        ]
        verdict = ", ".join(counts) if counts else "all ok"
        seen = (
            f"the host was looked at {age(self.round_ended_at, self.now)} ago"
            if self.round_ended_at
            else "the host has not been looked at"
        )
        return f"**Server status: {verdict}** · {seen}"

    def _line(self, name: str) -> str:
        title = TITLES[name]
        finding = self.findings.get(name)
        if finding is None:
            why = self.facts_problem or "The last look at the host did not include it."
            return f"- **{title}**: unknown. {why}"
        level = "" if finding["level"] == "ok" else f"**{finding['level']}**: "
        hint = f" {finding['hint']}" if finding.get("hint") else ""
        return f"- **{title}**: {level}{finding['sentence']}{hint}{self._staleness(finding)}"

    def _staleness(self, finding: Mapping[str, Any]) -> str:
        old = age(finding["at"], self.now)
        stale = age_seconds(finding["at"], self.now) > _STALE_SECONDS
        return f" (seen {old} ago)" if stale else ""

    def _jobs(self) -> str:
        if not self.jobs:
            return "none under way."
        return ", ".join(
            f"#{job['id']} {code(job['command'])} {job['status'].replace('_', ' ')} "
            f"for {age(job['since'], self.now)}"
            for job in self.jobs
        )

    def _schedules(self) -> str:
        if not self.schedules:
            return "no schedules."
        return ", ".join(
            f"{schedule['name']} {moment(schedule['next_at'])}" for schedule in self.schedules
        )


@dataclass(frozen=True)
class BackupList(Reply, kind="backups"):
    """The copies there are, newest first."""

    now: str
    #: `id`, `job`, `created_at`, `size_bytes`, `stores` (`name`, `verified_at`).
    snapshots: Sequence[Mapping[str, Any]]
    more: int
    #: Stores that could not be read: `name`, `why`.
    unreadable: Sequence[Mapping[str, str]]
    seen_at: str | None

    def text(self) -> str:
        lines = [self._line(snapshot) for snapshot in self.snapshots]
        if self.more:
            lines.append(f"- and {self.more} older")
        if not lines and not self.unreadable:
            lines.append("There is no backup yet. `backup now` takes one.")
        lines += [
            f"- The store **{store['name']}** could not be read: {store['why']}"
            for store in self.unreadable
        ]
        if self.seen_at:
            lines.append(f"Stores read {age(self.seen_at, self.now)} ago.")
        return "\n".join(lines)

    def _line(self, snapshot: Mapping[str, Any]) -> str:
        stores = ", ".join(
            f"{store['name']} {'verified' if store['verified_at'] else '**not verified**'}"
            for store in snapshot["stores"]
        )
        return (
            f"- {moment(snapshot['created_at'])} ({age(snapshot['created_at'], self.now)} ago) · "
            f"{size(snapshot['size_bytes'])} · job #{snapshot['job']} · {stores} · "
            f"`{snapshot['id']}`"
        )
