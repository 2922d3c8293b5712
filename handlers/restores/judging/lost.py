"""What a restore would lose: what was written since the copy was taken."""

from dataclasses import dataclass
from datetime import datetime

from handlers.backups.repository import Snapshot
from handlers.contract import JSON, Context
from handlers.errors import HostFailure
from handlers.restores.judging.present import MOST_COUNTED, Message, Present, messages_after
from handlers.wording import duration


@dataclass(frozen=True, slots=True)
class Lost:
    """Since the newest message of the copy; none of it where the database holds nothing newer."""

    seconds: float
    messages: int

    def sentence(self) -> str:
        """For people."""
        if not self.messages:
            return "No message is newer than the copy."
        more = "more than " if self.messages > MOST_COUNTED else ""
        count = f"{more}{min(self.messages, MOST_COUNTED):,} message{'s' * (self.messages != 1)}"
        return f"{count}, written in {duration(self.seconds)}"


def since_copy(context: Context, snapshot: Snapshot, present: Present) -> Lost | None:
    """None where either side cannot be read."""
    copied = copied_message(snapshot)
    if present.newest is None or copied is None:
        return None
    try:
        messages = messages_after(context, copied.id)
    except HostFailure:
        return None
    return Lost(_seconds(copied, present.newest) if messages else 0.0, messages)


def copied_message(snapshot: Snapshot) -> Message | None:
    """The newest message in the copy, as its commit record says."""
    facts = snapshot.facts.get("postgresql")
    newest: JSON = facts.get("newest_message") if isinstance(facts, dict) else None
    if not isinstance(newest, dict) or not isinstance(newest.get("id"), int):
        return None
    return Message(int(str(newest["id"])), str(newest.get("at")))


def _seconds(copied: Message, newest: Message) -> float:
    between = datetime.fromisoformat(newest.at) - datetime.fromisoformat(copied.at)
    return max(0.0, between.total_seconds())
