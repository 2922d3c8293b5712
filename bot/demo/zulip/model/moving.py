"""Move messages to another topic or channel, and what the Notification Bot says of it."""

from collections.abc import Sequence
from urllib.parse import quote

from bot.demo.zulip.model.channels import Channel
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.messages import Edit, Message
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.posting import notify
from bot.demo.zulip.model.realm import Notice, Realm

RESOLVED = "✔ "
MODES = ("change_one", "change_later", "change_all")
TOPICS_LIMIT_PASSED = "The time limit for editing this message's topic has passed."


def chosen_messages(realm: Realm, message: Message, mode: str) -> list[Message]:
    """The messages that move along, in no order, as Zulip gives them."""
    if mode not in MODES:
        raise ApiError("Invalid propagate_mode")
    if mode == "change_one" or message.channel is None:
        return [message]
    topic = realm.topic_messages(message.channel, message.topic)
    moved = [m for m in topic if mode == "change_all" or m.id >= message.id]
    # Seen on 9.2: the list is unsorted; whoever relies on an order should notice.
    return sorted(moved, key=lambda m: (m.id * 7919 % 13, -m.id))


def is_resolving(old: str, new: str) -> bool:
    """A topic that changes by nothing but its tick."""
    return new.removeprefix(RESOLVED) == old.removeprefix(RESOLVED) and new != old


def require_move(realm: Realm, mover: Person, message: Message, topic: str) -> None:
    """Raises ApiError when this person may not move this message, or not any more."""
    if mover.is_guest:
        raise ApiError("You don't have permission to edit this message")
    limit = realm.settings.move_limit
    is_late = limit is not None and realm.seconds_since(message.sent_at) > limit.total_seconds()
    if is_late and not mover.is_administrator and not is_resolving(message.topic, topic):
        raise ApiError(TOPICS_LIMIT_PASSED)


def tell_move(realm: Realm, mover: Person, moved: Sequence[Message], edit: Edit, mode: str) -> None:
    """The update_message event of a move; `moved` still lies where it came from."""
    first = moved[0]
    channel = first.channel
    assert channel is not None
    body: dict[str, object] = {
        "type": "update_message",
        "user_id": mover.id,
        "edit_timestamp": edit.at,
        "message_id": first.id,
        "rendering_only": False,
        "stream_name": channel.name,
        "stream_id": channel.id,
        "propagate_mode": mode,
        "orig_subject": first.topic,
        "message_ids": [message.id for message in moved],
    }
    if edit.topic is not None:
        body |= {"subject": edit.topic, "topic_links": []}
    if edit.channel_id is not None:
        body["new_stream_id"] = edit.channel_id
    audience = {key for message in moved for key in message.flags} | channel.subscribers
    flags = {key: first.flags_for(key) for key in audience}
    realm.tell(Notice("update_message", body, frozenset(audience), flags=flags))


def notify_of_move(
    realm: Realm, mover: Person, moved: Sequence[Message], origin: tuple[Channel, str]
) -> None:
    """What the Notification Bot writes where the messages are now."""
    first = moved[0]
    old_channel, old_topic = origin
    assert first.channel is not None
    is_whole_topic = not realm.topic_messages(old_channel, old_topic)
    same_channel = first.channel is old_channel
    if same_channel and is_resolving(old_topic, first.topic) and is_whole_topic:
        word = "resolved" if first.topic.startswith(RESOLVED) else "unresolved"
        text = f"{mover.silent_mention} has marked this topic as {word}."
    else:
        what = _what_moved(realm, moved, is_whole_topic=is_whole_topic)
        source = f"#**{old_channel.name}>{old_topic}**"
        text = f"{what} moved here from {source} by {mover.silent_mention}."
    notify(realm, first.channel, first.topic, text)


def _what_moved(realm: Realm, moved: Sequence[Message], *, is_whole_topic: bool) -> str:
    if is_whole_topic:
        return "This topic was"
    if len(moved) > 1:
        return f"{len(moved)} messages were"
    message = moved[0]
    assert message.channel is not None
    place = f"{message.channel.id}-{quote(message.channel.name)}".replace("%", ".")
    topic = quote(message.topic, safe="").replace(".", "%2E").replace("%", ".")
    return f"[A message]({realm.url}/#narrow/stream/{place}/topic/{topic}/near/{message.id}) was"
