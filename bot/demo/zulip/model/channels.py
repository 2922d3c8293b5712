"""Channels: who is in them, who may read them, who may post to them."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.people import Person

EVERYONE_POSTS = 1
ADMINISTRATORS_POST = 2


@dataclass(eq=False, slots=True)
class Channel:
    """One channel; `recipient_id` is the number under which Zulip files its messages."""

    id: int
    recipient_id: int
    name: str
    description: str
    created_at: datetime
    creator_id: int | None = None
    private: bool = False
    #: Spectators without an account may read it.
    web_public: bool = False
    post_policy: int = EVERYONE_POSTS
    subscribers: set[int] = field(default_factory=set)


def may_read(channel: Channel, person: Person) -> bool:
    """Public channels are read by all but guests, who must be in them, as in private ones."""
    return person.id in channel.subscribers or not (channel.private or person.is_guest)


def require_posting(channel: Channel, sender: Person) -> None:
    """Raises ApiError unless `sender` may post; a bot inherits its owner's right (seen on 9.2)."""
    if sender.is_system_bot:
        return
    voices = [sender] if sender.owner is None else [sender, sender.owner]
    if channel.post_policy == ADMINISTRATORS_POST and not any(
        voice.is_administrator for voice in voices
    ):
        raise ApiError("Only organization administrators can send to this channel.")
    if not any(may_read(channel, voice) for voice in voices):
        raise ApiError(f"Not authorized to send to channel '{channel.name}'")
