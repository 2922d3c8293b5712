"""A message with its reactions, its edits, and the flags each recipient has on it."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.demo.zulip.model.channels import Channel
from bot.demo.zulip.model.people import Person


@dataclass(frozen=True, slots=True)
class Reaction:
    """One person's emoji; what counts is code and type, the name is only how it was typed."""

    person: Person
    emoji_name: str
    emoji_code: str
    reaction_type: str

    @property
    def key(self) -> tuple[int, str, str]:
        return self.person.id, self.emoji_code, self.reaction_type


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a message; what is None was not changed by it."""

    editor_id: int
    at: int
    previous_content: str | None = None
    content: str | None = None
    previous_topic: str | None = None
    topic: str | None = None
    previous_channel_id: int | None = None
    channel_id: int | None = None


@dataclass(eq=False, slots=True)
class Message:
    """One message; `channel` is None for direct messages, which have `participants` instead."""

    id: int
    sender: Person
    content: str
    sent_at: datetime
    client: str
    recipient_id: int
    channel: Channel | None = None
    topic: str = ""
    participants: tuple[Person, ...] = ()
    reactions: list[Reaction] = field(default_factory=list)
    #: Newest first, as Zulip sends them.
    edits: list[Edit] = field(default_factory=list)
    #: One entry for each person who received it; others see it only as history.
    flags: dict[int, set[str]] = field(default_factory=dict)

    @property
    def timestamp(self) -> int:
        return int(self.sent_at.timestamp())

    def flags_for(self, person_id: int) -> list[str]:
        """The flags of one person; history that was never received counts as read."""
        flags = self.flags.get(person_id)
        return ["read", "historical"] if flags is None else sorted(flags)
