"""Messages, people and channels in the words of Zulip's API, field by field as recorded."""

from bot.demo.zulip.model.channels import ADMINISTRATORS_POST, Channel
from bot.demo.zulip.model.messages import Edit, Message, Reaction
from bot.demo.zulip.model.people import Person, Role
from bot.demo.zulip.model.realm import Realm
from bot.demo.zulip.model.rendering import render

Wire = dict[str, object]
#: The group of administrators; it may take people out of a channel.
REMOVERS_GROUP = 11
COLOR = "#76ce90"


def avatar_url(realm: Realm) -> str:
    return f"{realm.url}/static/images/default-avatar.png?version=1"


def message_event(realm: Realm, message: Message, *, rendered: bool) -> Wire:
    """The message as an event carries it: without the reader's flags."""
    wire = _start(realm, message, rendered=rendered)
    return wire | _end(realm, message, rendered=rendered)


def message_for(realm: Realm, message: Message, reader: Person, *, rendered: bool) -> Wire:
    """The message as a request reads it: with edits and with the reader's flags."""
    wire = _start(realm, message, rendered=rendered)
    if message.edits:
        wire["last_edit_timestamp"] = message.edits[0].at
        wire["edit_history"] = [_edit(realm, edit) for edit in message.edits]
    wire["reactions"] = [_reaction(reaction) for reaction in message.reactions]
    wire["flags"] = message.flags_for(reader.id)
    return wire | _end(realm, message, rendered=rendered)


def _start(realm: Realm, message: Message, *, rendered: bool) -> Wire:
    content = render(message.content, realm.members()) if rendered else message.content
    return {
        "id": message.id,
        "sender_id": message.sender.id,
        "content": content,
        "recipient_id": message.recipient_id,
        "timestamp": message.timestamp,
        "client": message.client,
        "subject": message.topic,
        "topic_links": [],
        "is_me_message": message.content.startswith("/me "),
        "reactions": [],
        "submessages": [],
    }


def _end(realm: Realm, message: Message, *, rendered: bool) -> Wire:
    sender = message.sender
    wire: Wire = {
        "sender_full_name": sender.full_name,
        "sender_email": sender.email,
        "sender_realm_str": "zulipinternal" if sender.is_system_bot else sender.realm,
    }
    if message.channel is not None:
        wire["display_recipient"] = message.channel.name
        wire["type"] = "stream"
        wire["stream_id"] = message.channel.id
    else:
        wire["display_recipient"] = [_participant(person) for person in message.participants]
        wire["type"] = "private"
    wire["avatar_url"] = avatar_url(realm)
    wire["content_type"] = "text/html" if rendered else "text/x-markdown"
    return wire


def _participant(person: Person) -> Wire:
    return {
        "email": person.email,
        "full_name": person.full_name,
        "id": person.id,
        "is_mirror_dummy": False,
    }


def _reaction(reaction: Reaction) -> Wire:
    person = reaction.person
    return {
        "emoji_name": reaction.emoji_name,
        "emoji_code": reaction.emoji_code,
        "reaction_type": reaction.reaction_type,
        "user": {"email": person.email, "id": person.id, "full_name": person.full_name},
        "user_id": person.id,
    }


def _edit(realm: Realm, edit: Edit) -> Wire:
    wire: Wire = {"user_id": edit.editor_id, "timestamp": edit.at}
    if edit.previous_content is not None:
        wire["prev_content"] = edit.previous_content
        wire["prev_rendered_content"] = render(edit.previous_content, realm.members())
        wire["prev_rendered_content_version"] = 1
    if edit.topic is not None:
        wire |= {"prev_topic": edit.previous_topic, "topic": edit.topic}
    if edit.channel_id is not None:
        wire |= {"prev_stream": edit.previous_channel_id, "stream": edit.channel_id}
    return wire


def message_history(realm: Realm, message: Message) -> list[Wire]:
    """Every version of a message, oldest first."""
    people = realm.members()
    oldest_first = list(reversed(message.edits))
    before = (e.previous_content for e in oldest_first if e.previous_content is not None)
    content = next(before, message.content)
    topic = next((e.previous_topic or "" for e in oldest_first if e.topic), message.topic)
    versions: list[Wire] = [
        {
            "content": content,
            "rendered_content": render(content, people),
            "timestamp": message.timestamp,
            "topic": topic,
            "user_id": message.sender.id,
        }
    ]
    for edit in oldest_first:
        content = edit.content if edit.content is not None else content
        topic = edit.topic or topic
        rendered = render(content, people)
        version: Wire = {
            "content": content,
            "rendered_content": rendered,
            "timestamp": edit.at,
            "topic": topic,
            "user_id": edit.editor_id,
        }
        if edit.previous_content is not None:
            old = render(edit.previous_content, people)
            version["prev_content"] = edit.previous_content
            version["prev_rendered_content"] = old
            version["content_html_diff"] = (
                f'<div><span class="highlight_text_inserted">{rendered}</span> '
                f'<span class="highlight_text_deleted">{old}</span></div>'
            )
        if edit.topic is not None:
            version["prev_topic"] = edit.previous_topic
        if edit.channel_id is not None:
            version["prev_stream"] = edit.previous_channel_id
        versions.append(version)
    return versions


def person_wire(realm: Realm, person: Person) -> Wire:
    wire: Wire = {
        "email": person.email,
        "user_id": person.id,
        "avatar_version": 1,
        "is_admin": person.is_administrator,
        "is_owner": person.role is Role.OWNER,
        "is_guest": person.is_guest,
        "is_billing_admin": False,
        "role": int(person.role),
        "is_bot": person.is_bot,
        "full_name": person.full_name,
        "timezone": "",
        "is_active": person.is_active,
        "date_joined": person.joined_at.strftime("%Y-%m-%dT%H:%M+00:00"),
        "delivery_email": person.email,
        "avatar_url": avatar_url(realm),
    }
    if person.is_bot:
        wire["bot_type"] = 1
        if person.is_system_bot:
            wire["is_system_bot"] = True
        wire["bot_owner_id"] = None if person.owner is None else person.owner.id
    return wire


def channel_wire(realm: Realm, channel: Channel) -> Wire:
    first = next((m.id for m in realm.messages.values() if m.channel is channel), None)
    return {
        "can_remove_subscribers_group": REMOVERS_GROUP,
        "creator_id": channel.creator_id,
        "date_created": int(channel.created_at.timestamp()),
        "description": channel.description,
        "first_message_id": first,
        "history_public_to_subscribers": True,
        "invite_only": channel.private,
        "is_web_public": channel.web_public,
        "message_retention_days": None,
        "name": channel.name,
        "rendered_description": render(channel.description, ()),
        "stream_id": channel.id,
        "stream_post_policy": channel.post_policy,
        "is_announcement_only": channel.post_policy == ADMINISTRATORS_POST,
        "stream_weekly_traffic": None,
    }


def subscription_wire(realm: Realm, channel: Channel, *, notify: bool | None) -> Wire:
    """`notify` is None in the subscriptions endpoint and false in register (seen on 9.2)."""
    return channel_wire(realm, channel) | {
        "audible_notifications": notify,
        "color": COLOR,
        "desktop_notifications": notify,
        "email_notifications": notify,
        "in_home_view": True,
        "is_muted": False,
        "pin_to_top": False,
        "push_notifications": notify,
        "wildcard_mentions_notify": None,
    }
