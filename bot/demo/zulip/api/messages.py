"""Endpoints for messages: post, read, change, delete, react."""

import json

from bot.demo.zulip.api.asking import Asked
from bot.demo.zulip.model import wire
from bot.demo.zulip.model.channels import Channel
from bot.demo.zulip.model.editing import Change, delete, edit
from bot.demo.zulip.model.errors import ApiError, invalid_message
from bot.demo.zulip.model.messages import Message
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.posting import Draft, access, post_direct, post_to_channel
from bot.demo.zulip.model.reacting import choose, react, unreact
from bot.demo.zulip.model.reading import (
    MAX_MESSAGES,
    NEWEST,
    Page,
    Term,
    fetch,
    first_unread,
    parse_narrow,
)
from bot.demo.zulip.model.rendering import render
from bot.demo.zulip.model.wire import Wire

#: Zulip's number for a followed topic.
FOLLOWED = 3


def post_message(asked: Asked) -> Wire:
    parameters = asked.parameters
    kind = parameters.text("type")
    raw_to = parameters.optional("to")
    topic = parameters.optional("topic") or parameters.optional("subject")
    if parameters.optional("topic") == "":
        topic = ""
    draft = Draft(
        sender=asked.person,
        content=parameters.text("content"),
        client=asked.client,
        echo=_echo(asked),
    )
    for accepted in ("read_by_sender", "widget_content", "time", "realm", "sender"):
        parameters.optional(accepted)
    if kind in {"stream", "channel"}:
        channel = _channel(asked, _loose_json(raw_to))
        is_new = bool(topic) and not asked.realm.topic_messages(channel, str(topic))
        message = post_to_channel(asked.realm, draft, channel, topic)
        follows = is_new and not asked.person.is_bot
        more: Wire = {"automatic_new_visibility_policy": FOLLOWED} if follows else {}
        return {"id": message.id, **more}
    if kind in {"direct", "private"}:
        recipients = _recipients(asked, _loose_json(raw_to))
        return {"id": post_direct(asked.realm, draft, recipients).id}
    raise ApiError("Invalid type")


def _echo(asked: Asked) -> tuple[str, str] | None:
    queue_id = asked.parameters.optional("queue_id")
    local_id = asked.parameters.optional("local_id")
    return (queue_id, local_id) if queue_id and local_id else None


def _loose_json(raw: str | None) -> object:
    """A name may come as JSON or bare."""
    if raw is None:
        return None
    try:
        value: object = json.loads(raw)
    except ValueError:
        return raw
    return value


def _channel(asked: Asked, to: object) -> Channel:
    if isinstance(to, list):
        if len(to) != 1:
            raise ApiError("Expected exactly one channel")
        to = to[0]
    if to is None:
        raise ApiError("Missing channel")
    if isinstance(to, int):
        channel = asked.realm.channels.get(to)
        if channel is None:
            text = f"Channel with ID '{to}' does not exist"
            raise ApiError(text, "STREAM_DOES_NOT_EXIST", extra={"stream_id": to})
        return channel
    channel = asked.realm.channel_by_name(str(to))
    if channel is None:
        text = f"Channel '{to}' does not exist"
        raise ApiError(text, "STREAM_DOES_NOT_EXIST", extra={"stream": str(to)})
    return channel


def _recipients(asked: Asked, to: object) -> list[Person]:
    items = to if isinstance(to, list) else [] if to is None else str(to).split(",")
    if not items:
        raise ApiError("Message must have recipients")
    return [_recipient(asked, item) for item in items]


def _recipient(asked: Asked, item: object) -> Person:
    if isinstance(item, int):
        person = asked.realm.people.get(item)
        if person is None:
            raise ApiError(f"Invalid user ID {item}")
        return person
    person = asked.realm.person_by_email(str(item).strip())
    if person is None:
        raise ApiError(f"Invalid email '{item}'")
    return person


def get_messages(asked: Asked) -> Wire:
    parameters = asked.parameters
    raw_anchor = parameters.optional("anchor")
    before, after = parameters.number("num_before"), parameters.number("num_after")
    include = parameters.flag("include_anchor", default=True)
    rendered = parameters.flag("apply_markdown", default=True)
    parameters.optional("client_gravatar")
    narrow = parse_narrow(parameters.json("narrow", []))
    if before + after > MAX_MESSAGES:
        raise ApiError(f"Too many messages requested (maximum {MAX_MESSAGES}).")
    anchor = _anchor(asked, raw_anchor, narrow)
    found = fetch(asked.realm, asked.person, narrow, Page(anchor, before, after, include))
    return {
        "messages": [
            wire.message_for(asked.realm, message, asked.person, rendered=rendered)
            for message in found.messages
        ],
        "found_anchor": found.found_anchor,
        "found_oldest": found.found_oldest,
        "found_newest": found.found_newest,
        "history_limited": False,
        "anchor": anchor,
    }


def _anchor(asked: Asked, raw: str | None, narrow: list[Term]) -> int:
    if raw is None:
        raise ApiError("Missing 'anchor' argument.")
    if raw == "newest":
        return NEWEST
    if raw == "oldest":
        return 0
    if raw == "first_unread":
        return first_unread(asked.realm, asked.person, narrow)
    try:
        return min(max(0, int(raw)), NEWEST)
    except ValueError as error:
        raise ApiError("Invalid anchor") from error


def get_message(asked: Asked) -> Wire:
    message = _accessible(asked)
    rendered = asked.parameters.flag("apply_markdown", default=True)
    return {
        "message": wire.message_for(asked.realm, message, asked.person, rendered=rendered),
        "raw_content": message.content,
    }


def get_history(asked: Asked) -> Wire:
    return {"message_history": wire.message_history(asked.realm, _accessible(asked))}


def patch_message(asked: Asked) -> Wire:
    parameters = asked.parameters
    channel = None
    number = parameters.optional_number("stream_id")
    if number is not None:
        channel = asked.realm.channels.get(number)
        if channel is None:
            raise ApiError("Invalid channel ID")
    parameters.flag("send_notification_to_old_thread", default=False)
    topic = parameters.optional("topic")
    if topic is None:
        topic = parameters.optional("subject")
    change = Change(
        content=parameters.optional("content"),
        topic=topic,
        channel=channel,
        mode=parameters.optional("propagate_mode") or "change_one",
        notify=parameters.flag("send_notification_to_new_thread", default=True),
    )
    edit(asked.realm, asked.person, asked.path_number("message_id"), change)
    return {}


def delete_message(asked: Asked) -> Wire:
    delete(asked.realm, asked.person, asked.path_number("message_id"))
    return {}


def post_reaction(asked: Asked) -> Wire:
    react(asked.realm, asked.person, asked.path_number("message_id"), _chosen(asked))
    return {}


def delete_reaction(asked: Asked) -> Wire:
    unreact(asked.realm, asked.person, asked.path_number("message_id"), _chosen(asked))
    return {}


def _chosen(asked: Asked) -> tuple[str, str, str]:
    name, code, kind = (
        asked.parameters.optional(field) for field in ("emoji_name", "emoji_code", "reaction_type")
    )
    return choose(name, code, kind)


def post_flags(asked: Asked) -> Wire:
    wanted = asked.parameters.json("messages", [])
    op, flag = asked.parameters.text("op"), asked.parameters.text("flag")
    numbers = [n for n in wanted if isinstance(n, int)] if isinstance(wanted, list) else []
    for number in numbers:
        message = asked.realm.messages.get(number)
        flags = message.flags.get(asked.person.id) if message is not None else None
        if flags is not None:
            (flags.add if op == "add" else flags.discard)(flag)
    return {"messages": numbers}


def post_typing(asked: Asked) -> Wire:
    for name in ("type", "op", "to", "stream_id", "topic"):
        asked.parameters.optional(name)
    return {}


def post_render(asked: Asked) -> Wire:
    return {"rendered": render(asked.parameters.text("content"), asked.realm.members())}


def _accessible(asked: Asked) -> Message:
    message = access(asked.realm, asked.person, asked.path_number("message_id"))
    if message is None:
        raise invalid_message()
    return message
