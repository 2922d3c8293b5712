"""Change or delete a message: who may, until when, and what everybody is told."""

from dataclasses import dataclass

from bot.demo.zulip.model.channels import Channel, may_read
from bot.demo.zulip.model.errors import ApiError, invalid_message
from bot.demo.zulip.model.messages import Edit, Message
from bot.demo.zulip.model.moving import (
    chosen_messages,
    notify_of_move,
    require_move,
    tell_move,
)
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.posting import access, checked_topic, cut, set_mention_flags
from bot.demo.zulip.model.realm import DELETED_BY_EVERYONE, Notice, Realm
from bot.demo.zulip.model.rendering import render

#: Seconds after the limit in which Zulip still takes an edit that was under way.
GRACE_SECONDS = 20
NO_PERMISSION = "You don't have permission to edit this message"


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit asks for; None leaves things as they are."""

    content: str | None = None
    topic: str | None = None
    channel: Channel | None = None
    mode: str = "change_one"
    notify: bool = True


def edit(realm: Realm, editor: Person, message_id: int, change: Change) -> None:
    """Raises ApiError with Zulip's text; a change of place and of content is told separately."""
    message = _accessible(realm, editor, message_id)
    if change.content is not None:
        _require_content_edit(realm, editor, message)
    topic, channel = _new_place(message, change)
    if change.content is None and topic is None and channel is None:
        raise ApiError("Nothing to change")
    if topic is None and channel is None and change.mode != "change_one":
        raise ApiError("Invalid propagate_mode without topic edit")
    if change.content is not None:
        _edit_content(realm, editor, message, change.content)
    if topic is not None or channel is not None:
        _move(realm, editor, message, Change(None, topic, channel, change.mode, change.notify))


def delete(realm: Realm, person: Person, message_id: int) -> None:
    """By its sender while policy and limit allow it, by administrators always."""
    message = _accessible(realm, person, message_id)
    if not person.is_administrator:
        policy = realm.settings.delete_own_message_policy
        if message.sender is not person or policy != DELETED_BY_EVERYONE:
            raise ApiError("You don't have permission to delete this message")
        limit = realm.settings.delete_limit
        if limit is not None and realm.seconds_since(message.sent_at) > limit.total_seconds():
            raise ApiError("The time limit for deleting this message has passed")
    del realm.messages[message.id]
    body: dict[str, object] = {"type": "delete_message"}
    audience = set(message.flags)
    if message.channel is None:
        body["message_type"] = "private"
    else:
        body |= {"stream_id": message.channel.id, "topic": message.topic}
        body["message_type"] = "stream"
        audience |= message.channel.subscribers
    body["message_id"] = message.id
    realm.tell(Notice("delete_message", body, frozenset(audience)))


def _accessible(realm: Realm, person: Person, message_id: int) -> Message:
    message = access(realm, person, message_id)
    if message is None:
        raise invalid_message()
    return message


def _require_content_edit(realm: Realm, editor: Person, message: Message) -> None:
    if not realm.settings.allow_message_editing:
        raise ApiError("Your organization has turned off message editing")
    if message.sender is not editor:
        raise ApiError(NO_PERMISSION)
    limit = realm.settings.edit_limit
    if limit is None:
        return
    if realm.seconds_since(message.sent_at) > limit.total_seconds() + GRACE_SECONDS:
        raise ApiError("The time limit for editing this message has passed")


def _new_place(message: Message, change: Change) -> tuple[str | None, Channel | None]:
    """The topic and channel as far as they really differ."""
    if message.channel is None:
        if change.topic is not None:
            raise ApiError("Direct messages cannot have topics.")
        if change.channel is not None:
            raise ApiError("Direct messages cannot be moved to channels.")
        return None, None
    topic = None if change.topic is None else checked_topic(change.topic)
    if change.channel is not None and change.content is not None:
        raise ApiError("Cannot change message content while changing channel")
    return (
        None if topic == message.topic else topic,
        None if change.channel is message.channel else change.channel,
    )


def _edit_content(realm: Realm, editor: Person, message: Message, content: str) -> None:
    body = content.rstrip()
    if "\x00" in body:
        raise ApiError("Message must not contain null bytes")
    new = cut(body) if body.strip() else "(deleted)"
    at = int(realm.clock.timestamp())
    people = realm.members()
    event: dict[str, object] = {
        "type": "update_message",
        "user_id": editor.id,
        "edit_timestamp": at,
        "message_id": message.id,
        "rendering_only": False,
    }
    if message.channel is not None:
        event |= {"stream_name": message.channel.name, "stream_id": message.channel.id}
    event |= {
        "orig_content": message.content,
        "orig_rendered_content": render(message.content, people),
        "content": new,
        "rendered_content": render(new, people),
        "prev_rendered_content_version": 1,
        "is_me_message": new.startswith("/me "),
        "message_ids": [message.id],
    }
    edit_made = Edit(editor.id, at, previous_content=message.content, content=new)
    message.edits.insert(0, edit_made)
    message.content = new
    set_mention_flags(realm, message)
    audience = set(message.flags)
    if message.channel is not None:
        audience |= message.channel.subscribers
    flags = {key: message.flags_for(key) for key in audience}
    realm.tell(Notice("update_message", event, frozenset(audience), flags=flags))


def _move(realm: Realm, mover: Person, message: Message, change: Change) -> None:
    old_channel, old_topic = message.channel, message.topic
    assert old_channel is not None
    require_move(realm, mover, message, change.topic or message.topic)
    if change.channel is not None and not may_read(change.channel, mover):
        raise ApiError("Invalid channel ID")
    moved = chosen_messages(realm, message, change.mode)
    moved.remove(message)
    moved.insert(0, message)
    made = Edit(
        mover.id,
        int(realm.clock.timestamp()),
        previous_topic=None if change.topic is None else old_topic,
        topic=change.topic,
        previous_channel_id=None if change.channel is None else old_channel.id,
        channel_id=None if change.channel is None else change.channel.id,
    )
    tell_move(realm, mover, moved, made, change.mode)
    for each in moved:
        each.edits.insert(0, made)
        each.topic = change.topic or each.topic
        if change.channel is not None:
            each.channel = change.channel
            each.recipient_id = change.channel.recipient_id
    if change.notify:
        notify_of_move(realm, mover, moved, (old_channel, old_topic))
