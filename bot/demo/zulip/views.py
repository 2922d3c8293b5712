"""What a person would see of a message: a copy that no later change touches."""

from dataclasses import dataclass
from datetime import datetime

from bot.demo.zulip.model.messages import Message


@dataclass(frozen=True, slots=True)
class SeenReaction:
    """One person's emoji on a message."""

    emoji_name: str
    emoji_code: str
    reaction_type: str
    user_id: int


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """One message; `channel` is None for direct messages."""

    id: int
    sender_id: int
    sender: str
    content: str
    sent_at: datetime
    client: str
    channel: str | None
    topic: str
    participant_ids: frozenset[int]
    reactions: tuple[SeenReaction, ...]
    is_edited: bool

    def has_reaction(self, emoji_code: str, user_id: int) -> bool:
        return any((r.emoji_code, r.user_id) == (emoji_code, user_id) for r in self.reactions)


def seen(message: Message) -> SeenMessage:
    reactions = tuple(
        SeenReaction(r.emoji_name, r.emoji_code, r.reaction_type, r.person.id)
        for r in message.reactions
    )
    return SeenMessage(
        id=message.id,
        sender_id=message.sender.id,
        sender=message.sender.full_name,
        content=message.content,
        sent_at=message.sent_at,
        client=message.client,
        channel=None if message.channel is None else message.channel.name,
        topic=message.topic,
        participant_ids=frozenset(person.id for person in message.participants),
        reactions=reactions,
        is_edited=any(edit.content is not None for edit in message.edits),
    )
