"""What is seen of the server: its status and its backups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import age, age_seconds, code, listing, moment, to_type
from handlers.wording import PARTS, missing_files, size

#: What the checks are called for people, in the order they are shown.
TITLES = {
    "zulip_version": "Zulip",
    "uptime_load": "Uptime and load",
    "memory": "Memory",
    "disks": "Disks",
    "postgresql": "PostgreSQL",
    "supervisor": "Programs",
    "backups": "Backups",
    "drills": "Drills",
    "recovery_key": "Recovery key",
}
_STALE_SECONDS = 180


@dataclass(frozen=True)
class ServerStatus(Reply, kind="status"):
    """The server at a glance."""

    bot_name: str
    now: str
    #: Zulip as the bot itself sees it, this moment: `ok`, `sentence`.
    seen_by_bot: Mapping[str, Any]
    #: By check: `at`, `level`, `sentence`, `hint`, and `stores` with their newest copies (`name`,
    #: `problem`, `newest`, `created_at`, `verified`, `damaged`); empty with `facts_problem`.
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
            f"host seen {age(self.round_ended_at, self.now)} ago"
            if self.round_ended_at
            else "host not seen yet"
        )
        return f"**Server status: {verdict}** · {seen}"

    def _line(self, name: str) -> str:
        title = TITLES[name]
        finding = self.findings.get(name)
        if finding is None:
            why = self.facts_problem or "The last look at the host did not include it."
            return f"- **{title}**: unknown. {why}"
        level = "" if finding["level"] == "ok" else f"**{finding['level']}**: "
        sentence, hint = finding["sentence"], finding.get("hint")
        if finding.get("stores"):
            sentence = copies_sentence(finding["stores"])
            if finding["level"] in {"warning", "critical"}:
                hint = self._what_to_do(finding["stores"])
        told = f"{sentence} {hint}" if hint else sentence
        return f"- **{title}**: {level}{told}{self._staleness(finding)}"

    def _what_to_do(self, stores: Sequence[Mapping[str, Any]]) -> str:
        """A new copy cannot bring back what the server itself has lost."""
        lacking = [store["newest"] for store in stores if store.get("missing_files")]
        told = f"Take one: {to_type(self.bot_name, 'backup now')}."
        if lacking:
            told += f" What is missing: {to_type(self.bot_name, f'backup show {lacking[0]}')}."
        return told

    def _staleness(self, finding: Mapping[str, Any]) -> str:
        old = age(finding["at"], self.now)
        stale = age_seconds(finding["at"], self.now) > _STALE_SECONDS
        return f" (seen {old} ago)" if stale else ""

    def _jobs(self) -> str:
        if not self.jobs:
            return "none running or waiting."
        return ", ".join(
            f"#{job['id']} {code(job['command'])} {job['status'].replace('_', ' ')} "
            f"for {age(job['since'], self.now)}{_until(job)}"
            for job in self.jobs
        )

    def _schedules(self) -> str:
        if not self.schedules:
            return "nothing is scheduled."
        due = (f"{schedule['name']} {moment(schedule['next_at'])}" for schedule in self.schedules)
        return f"{', '.join(due)}."


def copies_sentence(stores: Sequence[Mapping[str, Any]]) -> str:
    """What each store holds, alike stores together; it stays true however late it is read."""
    said: dict[tuple[str, ...], list[str]] = {}
    for store in stores:
        said.setdefault(_newest_copy(store), []).append(store["name"])
    return " ".join(_of_stores(what, names) for what, names in said.items())


def _newest_copy(store: Mapping[str, Any]) -> tuple[str, ...]:
    if store["problem"]:
        return "unread", store["problem"]
    if not store["newest"]:
        return ("none",)
    verdict = "verified" if store["verified"] else "**not verified**"
    # Not in facts that an earlier version wrote.
    if store.get("missing_files"):
        verdict += f", but **inconsistent** ({missing_files(store['missing_files'])})"
    return "copy", store["created_at"], "**damaged**" if store["damaged"] else verdict


def _of_stores(what: tuple[str, ...], names: Sequence[str]) -> str:
    match what:
        case ("unread", problem):
            return f"The store {names[0]} could not be read: {problem}"
        case ("copy", created_at, verdict):
            many = len(names) > 1
            copies, were = ("copies", "were") if many else ("copy", "was")
            return (
                f"The newest {copies}, in {listing(names)}, {were} taken {moment(created_at)} "
                f"and {'are' if many else 'is'} {verdict}."
            )
    return f"There is no backup yet, in {' or in '.join(names)}."


@dataclass(frozen=True)
class BackupList(Reply, kind="backups"):
    """The copies there are, newest first."""

    bot_name: str
    now: str
    #: `id`, `job`, `created_at`, `size_bytes`, `only`, `missing_files`, and `stores` (`name`,
    #: `verified_at`, `compared_at`, `damaged`, `proven_at`, `refuted_at`, `kept_until`,
    #: `marked_at`).
    snapshots: Sequence[Mapping[str, Any]]
    more: int
    #: Stores that could not be read: `name`, `why`.
    unreadable: Sequence[Mapping[str, str]]
    seen_at: str | None
    #: Why nothing is known at all.
    problem: str | None = None

    def text(self) -> str:
        if self.problem:
            return f"I could not see which backups there are: {self.problem}"
        lines = [self._line(snapshot) for snapshot in self.snapshots]
        if self.more:
            lines.append(f"- and {self.more} older")
        if not lines and not self.unreadable:
            take_one = to_type(self.bot_name, "backup now")
            lines.append(f"There is no backup yet. Take one: {take_one}.")
        lines += [
            f"- The store **{store['name']}** could not be read: {store['why']}"
            for store in self.unreadable
        ]
        if self.seen_at:
            lines.append(f"As seen in the stores {age(self.seen_at, self.now)} ago.")
        return "\n".join(lines)

    def _line(self, snapshot: Mapping[str, Any]) -> str:
        whole = [store for store in snapshot["stores"] if not store.get("damaged")]
        damaged = [store["name"] for store in snapshot["stores"] if store.get("damaged")]
        verified = [store["name"] for store in whole if store["verified_at"]]
        others = [store["name"] for store in whole if not store["verified_at"]]
        told = [f"verified in {listing(verified)}"] if verified else []
        told += [f"stored in {listing(others)}, **not verified**"] if others else []
        told += [f"**damaged** in {listing(damaged)}"] if damaged else []
        told += [_content_last_read(store) for store in whole if _only_compared(store)]
        told.append(proof(snapshot["stores"], self.now))
        told += retention_of(snapshot["stores"], self.now)
        stores = "; ".join(told)
        return (
            f"- {moment(snapshot['created_at'])} ({age(snapshot['created_at'], self.now)} ago) · "
            f"{size(snapshot['size_bytes'])} · job #{snapshot['job']} · "
            f"{_kind(snapshot)}{stores} · `{snapshot['id']}`"
        )


def _kind(snapshot: Mapping[str, Any]) -> str:
    """What it is, if it is not a whole copy; also of rows that an earlier version wrote."""
    if snapshot.get("only"):
        return f"**{PARTS[snapshot['only']]} alone** · "
    if snapshot.get("missing_files"):
        return f"**inconsistent**: {missing_files(snapshot['missing_files'])} · "
    return ""


def retention_of(stores: Sequence[Mapping[str, Any]], now: str) -> list[str]:
    """Until when somebody keeps the copy, and where it is marked to be removed."""
    kept: dict[str, list[str]] = {}
    for store in stores:
        until = store.get("kept_until")
        if until and until > now:
            kept.setdefault(until, []).append(store["name"])
    marked = [store["name"] for store in stores if store.get("marked_at")]
    told = [f"kept in {listing(names)} until {moment(until)}" for until, names in kept.items()]
    return told + ([f"**to be removed** from {listing(marked)}"] if marked else [])


def proof(stores: Sequence[Mapping[str, Any]], now: str) -> str:
    """Where a drill has restored a copy, and how long ago; what no drill has, is unproven."""
    proven = [
        f"proven in {store['name']} {age(store['proven_at'], now)} ago"
        for store in stores
        if store.get("proven_at")
    ]
    refuted = [
        f"**a drill failed** in {store['name']} {age(store['refuted_at'], now)} ago"
        for store in stores
        if store.get("refuted_at") and not store.get("proven_at")
    ]
    return ", ".join((*proven, *refuted)) or "unproven"


def _only_compared(store: Mapping[str, Any]) -> bool:
    """Whether its stored bytes were looked at after its content was last read."""
    verified, compared = store["verified_at"], store.get("compared_at")
    return bool(verified and compared and compared > verified)


def _content_last_read(store: Mapping[str, Any]) -> str:
    return (
        f"bytes in {store['name']} compared {moment(store['compared_at'])},"
        f" content last read {moment(store['verified_at'])}"
    )


def _until(job: Mapping[str, Any]) -> str:
    """Also of rows that an earlier version wrote."""
    until = job.get("waits_until")
    return f" (waits until {moment(until)})" if until else ""
