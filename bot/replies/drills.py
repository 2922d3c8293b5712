"""What a restore drill has shown: its evidence, and what follows from one that failed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import code, listing, moment, to_type
from handlers.wording import duration

#: The phases in their order, as people are told of them.
_PHASES = {
    "prepare": "to make a PostgreSQL",
    "fetch": "to fetch the dump",
    "restore": "to restore it",
    "check_database": "to check the database",
    "check_files": "to check uploads and configuration",
}
#: A phase that takes so much longer than usual is worth a word; shorter ones vary by themselves.
_SLOWER, _WORTH_TELLING_SECONDS = 1.5, 5.0


def evidence_shown(shown: Mapping[str, Any], _bot_name: str) -> str:
    """The card of one drill: what was proven, how long it took, what would be lost, what not."""
    return "\n".join(_lines(shown))


def _lines(shown: Mapping[str, Any]) -> Iterator[str]:
    if shown["outcome"] == "refuted" and shown["checked"]:
        yield "Found before it failed:"
    yield from (f"- ✔ {sentence}" for sentence in shown["checked"])
    if shown["rto_seconds"] is not None:
        back = duration(shown["rto_seconds"])
        yield f"- **Database back after** {back}{_earlier(shown)}"
    if shown["seconds"]:
        yield f"- Times: {_times(shown)}"
    yield (
        f"- **Would be lost**: what came after {moment(shown['copy_of'])}, which was"
        f" {duration(shown['rpo_seconds'])} before the drill{_newest(shown)}"
    )
    yield from (f"- Not checked: {sentence}" for sentence in shown["not_checked"])
    yield from (f"- **Mind**: {sentence}" for sentence in shown["warnings"])


def _earlier(shown: Mapping[str, Any]) -> str:
    took = [duration(seconds) for seconds in shown["trend"]["rto_seconds"]]
    if not took:
        return f"; it is the first {shown['form']} drill in {shown['store']} that got so far"
    return f" (before, newest first: {listing(took)})"


def _times(shown: Mapping[str, Any]) -> str:
    usual = shown["trend"]["seconds"]
    told = []
    for phase, what in _PHASES.items():
        if phase in shown["seconds"]:
            took = shown["seconds"][phase]
            told.append(f"{duration(took)} {what}{_slower(took, usual.get(phase))}")
    return listing(told)


def _slower(took: float, usual: float | None) -> str:
    if usual is None or took < _WORTH_TELLING_SECONDS or took < usual * _SLOWER:
        return ""
    return f" (**slower**, usually {duration(usual)})"


def _newest(shown: Mapping[str, Any]) -> str:
    newest = shown["facts"].get("newest_message")
    return f"; the newest message in it is of {moment(newest['at'])}" if newest else ""


@dataclass(frozen=True)
class DrillFailed(Reply, kind="drill_failed"):
    """A copy that a drill could not restore."""

    bot_name: str
    incident: int
    job: int
    snapshot: str
    store: str
    sentence: str

    def text(self) -> str:
        closing = f'incident {self.incident} close --reason "what was done about it"'
        return (
            f"**Incident #{self.incident}, critical.** The drill of job #{self.job} failed: copy"
            f" {code(self.snapshot)} in {self.store} is unproven. {self.sentence}\n"
            f"Take a new backup ({to_type(self.bot_name, 'backup now')}) and drill it"
            f" ({to_type(self.bot_name, 'drill')}); {to_type(self.bot_name, f'log {self.job}')} has"
            f" the output. Once that is looked after: {to_type(self.bot_name, closing)}."
        )


@dataclass(frozen=True)
class DrillBroken(Reply, kind="drill_broken"):
    """A drill that did not fail although it had to: no drill proves anything."""

    bot_name: str
    incident: int
    job: int
    sentence: str

    def text(self) -> str:
        closing = f'incident {self.incident} close --reason "what was done about it"'
        return (
            f"**Incident #{self.incident}, critical.** {self.sentence} Until that is mended rely on"
            f" no copy as proven, and let `backup prune` wait:"
            f" {to_type(self.bot_name, f'log {self.job}')} has the output.\n"
            f"Once that is looked after: {to_type(self.bot_name, closing)}."
        )
