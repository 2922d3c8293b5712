"""Post a message: what is refused, what is cut, whom it reaches and with which flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.demo.zulip.model.channels import Channel, may_read, require_posting
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.mentions import find_mentions
from bot.demo.zulip.model.messages import Message
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.realm import Notice, Realm

MAX_CONTENT = 10_000
MAX_TOPIC = 60
TRUNCATED = "\n[message truncated]"
#: Clients of people, whose own messages Zulip marks as read for them.
HUMAN_CLIENTS = frozenset({"website", "zulipmobile", "zulipelectron", "zulipterminal"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it has a place: who says what, with which client, when."""

    sender: Person
    content: str
    client: str = "website"
    #: None is now; imported messages bring their own time.
    at: datetime | None = None
    #: An import tells nobody.
    quiet: bool = False
    #: The queue of the sending client and its own name for the message.
    echo: tuple[str, str] | None = None


def post_to_channel(realm: Realm, draft: Draft, channel: Channel, topic: str | None) -> Message:
    """Raises ApiError with Zulip's text when the message is refused; nothing is stored then."""
    content = checked_content(draft.content)
    name = checked_topic(topic)
    require_posting(channel, draft.sender)
    mentions = find_mentions(content, realm.members())
    receivers = set(channel.subscribers)
    if not channel.private:
        receivers |= {key for key in mentions.people if realm.people[key].is_bot}
    message = _store(realm, draft, content, channel.recipient_id)
    message.channel = channel
    message.topic = name
    _deliver(realm, message, draft, receivers)
    return message


def post_direct(realm: Realm, draft: Draft, recipients: Sequence[Person]) -> Message:
    """To these people and the sender; raises ApiError when one of them has left."""
    content = checked_content(draft.content)
    for person in recipients:
        if not person.is_active:
            raise ApiError(f"'{person.email}' is no longer using Zulip.")
    group = {person.id: person for person in (*recipients, draft.sender)}
    message = _store(realm, draft, content, realm.direct_recipient_id(group.values()))
    message.participants = tuple(sorted(group.values(), key=lambda person: person.email))
    _deliver(realm, message, draft, set(group))
    return message


def notify(realm: Realm, channel: Channel, topic: str, content: str) -> Message:
    """A message of Zulip's Notification Bot."""
    draft = Draft(realm.notification_bot, content, client="Internal")
    return post_to_channel(realm, draft, channel, topic)


def checked_content(content: str) -> str:
    """Cut in silence beyond 10 000 characters (seen on 9.2); empty and null bytes are refused."""
    body = content.rstrip()
    if not body.strip():
        raise ApiError("Message must not be empty")
    if "\x00" in body:
        raise ApiError("Message must not contain null bytes")
    return cut(body)


def cut(body: str) -> str:
    if len(body) <= MAX_CONTENT:
        return body
    return body[: MAX_CONTENT - len(TRUNCATED)] + TRUNCATED


def checked_topic(topic: str | None) -> str:
    if topic is None:
        raise ApiError("Missing topic")
    name = topic.strip()
    if not name:
        raise ApiError("Topic can't be empty!")
    if any(not character.isprintable() for character in name):
        raise ApiError(f"Invalid character in topic, at position {_unprintable(name)}!")
    return name if len(name) <= MAX_TOPIC else name[: MAX_TOPIC - 3] + "..."


def _unprintable(name: str) -> int:
    return next(place for place, letter in enumerate(name, 1) if not letter.isprintable())


def _store(realm: Realm, draft: Draft, content: str, recipient_id: int) -> Message:
    message = Message(
        id=realm.next_message_id(),
        sender=draft.sender,
        content=content,
        sent_at=draft.at or realm.clock.now(),
        client=draft.client,
        recipient_id=recipient_id,
    )
    realm.messages[message.id] = message
    return message


def _deliver(realm: Realm, message: Message, draft: Draft, receivers: set[int]) -> None:
    for key in receivers:
        message.flags[key] = set()
    set_mention_flags(realm, message)
    if draft.client.casefold() in HUMAN_CLIENTS and message.sender.id in receivers:
        message.flags[message.sender.id].add("read")
    if draft.quiet:
        return
    flags = {key: message.flags_for(key) for key in receivers}
    body = {"type": "message"}
    realm.tell(Notice("message", body, frozenset(receivers), message, flags=flags, echo=draft.echo))


def set_mention_flags(realm: Realm, message: Message) -> None:
    """Judge the mentions of the present content again, for those who received the message."""
    mentions = find_mentions(message.content, realm.members())
    for key, flags in message.flags.items():
        flags -= {"mentioned", "stream_wildcard_mentioned", "topic_wildcard_mentioned"}
        flags.discard("wildcard_mentioned")
        if key in mentions.people:
            flags.add("mentioned")
        if mentions.channel and message.channel is not None:
            flags |= {"stream_wildcard_mentioned", "wildcard_mentioned"}
        elif mentions.topic and message.channel is not None:
            flags |= {"topic_wildcard_mentioned", "wildcard_mentioned"}


def access(realm: Realm, person: Person, message_id: int) -> Message | None:
    """The message, when it exists and this person may see it."""
    message = realm.messages.get(message_id)
    if message is None or person.id in message.flags:
        return message
    readable = message.channel is not None and may_read(message.channel, person)
    return message if readable else None
