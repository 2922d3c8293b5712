"""Endpoints for channels: find them, read their topics and members, join and leave."""

from bot.demo.zulip.api.asking import Asked
from bot.demo.zulip.model import administering, wire
from bot.demo.zulip.model.channels import EVERYONE_POSTS, Channel, may_read
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.wire import Wire


def get_channel_id(asked: Asked) -> Wire:
    name = asked.parameters.text("stream")
    channel = asked.realm.channel_by_name(name)
    if channel is None or not may_read(channel, asked.person):
        raise ApiError(f"Invalid channel name '{name}'")
    return {"stream_id": channel.id}


def get_channels(asked: Asked) -> Wire:
    for name in ("include_public", "include_subscribed", "include_all_active"):
        asked.parameters.optional(name)
    seen = [c for c in asked.realm.channels.values() if may_read(c, asked.person)]
    seen.sort(key=lambda channel: channel.name)
    return {"streams": [wire.channel_wire(asked.realm, channel) for channel in seen]}


def get_channel(asked: Asked) -> Wire:
    return {"stream": wire.channel_wire(asked.realm, _by_path(asked))}


def get_members(asked: Asked) -> Wire:
    return {"subscribers": sorted(_by_path(asked).subscribers)}


def patch_channel(asked: Asked) -> Wire:
    channel = _by_path(asked)
    if not asked.person.is_administrator:
        raise ApiError("Must be an organization administrator", "UNAUTHORIZED_PRINCIPAL")
    new_name = asked.parameters.optional("new_name")
    if new_name:
        administering.rename_channel(asked.realm, channel, new_name)
    return {}


def get_topics(asked: Asked) -> Wire:
    channel = _by_path(asked)
    newest: dict[str, tuple[str, int]] = {}
    for message in asked.realm.messages.values():
        if message.channel is channel:
            newest[message.topic.casefold()] = (message.topic, message.id)
    ordered = sorted(newest.values(), key=lambda topic: -topic[1])
    return {"topics": [{"name": name, "max_id": number} for name, number in ordered]}


def _by_path(asked: Asked) -> Channel:
    channel = asked.realm.channels.get(asked.path_number("channel_id"))
    if channel is None or not may_read(channel, asked.person):
        raise ApiError("Invalid channel ID")
    return channel


def get_subscriptions(asked: Asked) -> Wire:
    with_members = asked.parameters.flag("include_subscribers", default=False)
    return {"subscriptions": subscriptions(asked, notify=None, with_members=with_members)}


def subscriptions(asked: Asked, *, notify: bool | None, with_members: bool) -> list[Wire]:
    """The channels of the asking person, as both endpoint and register tell them."""
    own = [c for c in asked.realm.channels.values() if asked.person.id in c.subscribers]
    own.sort(key=lambda channel: channel.name)
    found = [wire.subscription_wire(asked.realm, channel, notify=notify) for channel in own]
    if with_members:
        for channel, each in zip(own, found, strict=True):
            each["subscribers"] = sorted(channel.subscribers)
    return found


def get_is_subscribed(asked: Asked) -> Wire:
    channel = _by_path(asked)
    return {"is_subscribed": asked.path_number("user") in channel.subscribers}


def post_subscriptions(asked: Asked) -> Wire:
    """Join channels, or put others in; a channel that does not exist is made."""
    wanted = asked.parameters.json("subscriptions", [])
    private = asked.parameters.flag("invite_only", default=False)
    policy = asked.parameters.optional_number("stream_post_policy") or EVERYONE_POSTS
    people = _principals(asked)
    subscribed: dict[str, list[str]] = {}
    already: dict[str, list[str]] = {}
    for item in wanted if isinstance(wanted, list) else []:
        name, description = str(item.get("name", "")), str(item.get("description", ""))
        channel = asked.realm.channel_by_name(name)
        if channel is None:
            channel = administering.add_channel(
                asked.realm,
                administering.NewChannel(name, description, private, policy, asked.person),
            )
        added = administering.subscribe(asked.realm, channel, people)
        for person in people:
            answer = subscribed if person in added else already
            answer.setdefault(person.email, []).append(channel.name)
    return {"subscribed": subscribed, "already_subscribed": already}


def delete_subscriptions(asked: Asked) -> Wire:
    people = _principals(asked)
    removed: list[str] = []
    not_removed: list[str] = []
    for name in asked.parameters.words("subscriptions") or []:
        channel = asked.realm.channel_by_name(name)
        if channel is None:
            raise ApiError(f"Channel(s) ({name}) do not exist")
        gone = administering.unsubscribe(asked.realm, channel, people)
        (removed if gone else not_removed).append(channel.name)
    return {"removed": removed, "not_removed": not_removed}


def _principals(asked: Asked) -> list[Person]:
    wanted = asked.parameters.json("principals")
    if not isinstance(wanted, list) or not wanted:
        return [asked.person]
    found = [
        asked.realm.people.get(item)
        if isinstance(item, int)
        else asked.realm.person_by_email(str(item))
        for item in wanted
    ]
    people = [person for person in found if person is not None]
    if len(people) != len(found):
        raise ApiError("No such user")
    return people
