"""What a client is told when it registers: the realm, its people and channels, by event type."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from bot.demo.zulip.api.asking import Asked
from bot.demo.zulip.api.channels import subscriptions
from bot.demo.zulip.model import wire
from bot.demo.zulip.model.channels import may_read
from bot.demo.zulip.model.people import Role
from bot.demo.zulip.model.wire import Wire

FIELDS = Path(__file__).with_name("registration.json")


@cache
def _fields() -> str:
    return FIELDS.read_text(encoding="utf-8")


def initial_data(asked: Asked, wanted: Sequence[str] | None, *, with_members: bool) -> Wire:
    """The fields of each wanted event type (None: of all), in Zulip's order."""
    groups: dict[str, Wire] = json.loads(_fields().replace("{url}", asked.realm.url))
    chosen: Iterable[str] = groups if wanted is None else [g for g in groups if g in set(wanted)]
    live = _live(asked, with_members=with_members)
    return {
        name: live.get(name, value) for group in chosen for name, value in groups[group].items()
    }


def _live(asked: Asked, *, with_members: bool) -> Wire:
    return {
        "max_message_id": asked.realm.max_message_id(asked.person),
        "server_timestamp": asked.realm.clock.timestamp(),
        **_realm(asked),
        **_people(asked),
        **_own(asked),
        **_channels(asked, with_members=with_members),
    }


def _realm(asked: Asked) -> Wire:
    settings = asked.realm.settings
    limit = settings.edit_limit
    return {
        "realm_name": settings.name,
        "realm_allow_message_editing": settings.allow_message_editing,
        "realm_delete_own_message_policy": settings.delete_own_message_policy,
        "realm_message_content_edit_limit_seconds": (
            None if limit is None else int(limit.total_seconds())
        ),
        "server_generation": settings.server_generation,
        "event_queue_longpoll_timeout_seconds": 90,
    }


def _people(asked: Asked) -> Wire:
    active: list[Wire] = []
    gone: list[Wire] = []
    for person in asked.realm.members():
        found = wire.person_wire(asked.realm, person)
        del found["is_active"]
        if not person.is_bot:
            found["profile_data"] = {}
        (active if person.is_active else gone).append(found)
    system = [p for p in asked.realm.people.values() if p.is_system_bot]
    return {
        "realm_users": active,
        "realm_non_active_users": gone,
        "cross_realm_bots": [wire.person_wire(asked.realm, bot) for bot in system],
    }


def _own(asked: Asked) -> Wire:
    person = asked.person
    return {
        "is_admin": person.is_administrator,
        "is_owner": person.role is Role.OWNER,
        "is_moderator": person.role is Role.MODERATOR,
        "is_guest": person.is_guest,
        "user_id": person.id,
        "email": person.email,
        "delivery_email": person.email,
        "full_name": person.full_name,
    }


def _channels(asked: Asked, *, with_members: bool) -> Wire:
    readable = [c for c in asked.realm.channels.values() if may_read(c, asked.person)]
    others = [c for c in readable if asked.person.id not in c.subscribers]
    never = [wire.channel_wire(asked.realm, channel) for channel in others]
    return {
        "subscriptions": subscriptions(asked, notify=False, with_members=with_members),
        "never_subscribed": never,
        "streams": [wire.channel_wire(asked.realm, channel) for channel in readable],
    }
