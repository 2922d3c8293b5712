"""Every path of the API with its methods and the functions that answer them."""

from collections.abc import Callable, Mapping

from bot.demo.zulip.api import channels, events, files, messages, people
from bot.demo.zulip.api.asking import Asked
from bot.demo.zulip.model.wire import Wire

Endpoint = Callable[[Asked], Wire]


def _nothing(name: str, value: object) -> Endpoint:
    """An endpoint of a realm that has none of it."""
    return lambda asked: {name: value}


#: Path below /api/v1 -> method -> endpoint. GET events and server_settings are served apart.
ROUTES: Mapping[str, Mapping[str, Endpoint]] = {
    "/users": {"GET": people.get_users},
    "/users/me": {"GET": people.get_own_user},
    "/users/me/subscriptions": {
        "GET": channels.get_subscriptions,
        "POST": channels.post_subscriptions,
        "DELETE": channels.delete_subscriptions,
    },
    "/users/me/presence": {"POST": people.post_presence},
    "/users/me/{channel_id:\\d+}/topics": {"GET": channels.get_topics},
    "/users/{user:[^/]+}": {
        "GET": people.get_user,
        "PATCH": people.patch_user,
        "DELETE": people.delete_user,
    },
    "/users/{user:\\d+}/reactivate": {"POST": people.reactivate_user},
    "/users/{user:\\d+}/subscriptions/{channel_id:\\d+}": {"GET": channels.get_is_subscribed},
    "/user_groups": {"GET": people.get_user_groups},
    "/realm": {"PATCH": people.patch_realm},
    "/realm/emoji": {"GET": _nothing("emoji", {})},
    "/realm/linkifiers": {"GET": _nothing("linkifiers", [])},
    "/realm/profile_fields": {"GET": _nothing("custom_fields", [])},
    "/bot_storage": {
        "GET": people.get_storage,
        "PUT": people.put_storage,
        "DELETE": people.delete_storage,
    },
    "/get_stream_id": {"GET": channels.get_channel_id},
    "/streams": {"GET": channels.get_channels},
    "/streams/{channel_id:\\d+}": {"GET": channels.get_channel, "PATCH": channels.patch_channel},
    "/streams/{channel_id:\\d+}/members": {"GET": channels.get_members},
    "/register": {"POST": events.post_register},
    "/events": {"DELETE": events.delete_queue},
    "/messages": {"GET": messages.get_messages, "POST": messages.post_message},
    "/messages/flags": {"POST": messages.post_flags},
    "/messages/render": {"POST": messages.post_render},
    "/messages/{message_id:\\d+}": {
        "GET": messages.get_message,
        "PATCH": messages.patch_message,
        "DELETE": messages.delete_message,
    },
    "/messages/{message_id:\\d+}/history": {"GET": messages.get_history},
    "/messages/{message_id:\\d+}/reactions": {
        "POST": messages.post_reaction,
        "DELETE": messages.delete_reaction,
    },
    "/typing": {"POST": messages.post_typing},
    "/user_uploads": {"POST": files.post_upload},
    "/user_uploads/{file:.+}": {"GET": files.get_temporary_url},
}
#: Reading files is not counted (seen on 9.2: no X-RateLimit headers).
UNLIMITED = frozenset({"/user_uploads/{file:.+}"})
