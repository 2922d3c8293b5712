"""Change people, channels and settings, and tell everybody as Zulip does."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from bot.demo.zulip.model.channels import EVERYONE_POSTS, Channel
from bot.demo.zulip.model.people import Person, Role
from bot.demo.zulip.model.realm import Notice, Realm

#: The system group that holds the people of a role directly.
GROUP_OF_ROLE = {
    Role.OWNER: 10,
    Role.ADMINISTRATOR: 11,
    Role.MODERATOR: 12,
    Role.MEMBER: 14,
    Role.GUEST: 15,
}
FULL_MEMBERS = 13


@dataclass(frozen=True, slots=True)
class NewChannel:
    """What a channel is made with."""

    name: str
    description: str = ""
    private: bool = False
    post_policy: int = EVERYONE_POSTS
    creator: Person | None = None


def add_channel(realm: Realm, new: NewChannel) -> Channel:
    channel = Channel(
        id=len(realm.channels) + 1,
        recipient_id=realm.next_recipient_id(),
        name=new.name,
        description=new.description,
        created_at=realm.clock.now(),
        creator_id=None if new.creator is None else new.creator.id,
        private=new.private,
        post_policy=new.post_policy,
    )
    realm.channels[channel.id] = channel
    return channel


def subscribe(realm: Realm, channel: Channel, people: Iterable[Person]) -> list[Person]:
    """Those who were not in it before."""
    added = [person for person in people if person.id not in channel.subscribers]
    channel.subscribers |= {person.id for person in added}
    for person in added:
        short = {"name": channel.name, "stream_id": channel.id}
        body = {"type": "subscription", "op": "add", "subscriptions": [short]}
        realm.tell(Notice("subscription", body, frozenset({person.id})))
    _tell_peers(realm, channel, added, "peer_add")
    return added


def unsubscribe(realm: Realm, channel: Channel, people: Iterable[Person]) -> list[Person]:
    """Those who were in it."""
    gone = [person for person in people if person.id in channel.subscribers]
    channel.subscribers -= {person.id for person in gone}
    for person in gone:
        short = {"name": channel.name, "stream_id": channel.id}
        body = {"type": "subscription", "op": "remove", "subscriptions": [short]}
        realm.tell(Notice("subscription", body, frozenset({person.id})))
    _tell_peers(realm, channel, gone, "peer_remove")
    return gone


def _tell_peers(realm: Realm, channel: Channel, people: list[Person], op: str) -> None:
    changed = {person.id for person in people}
    if not changed:
        return
    body = {
        "type": "subscription",
        "op": op,
        "stream_ids": [channel.id],
        "user_ids": sorted(changed),
    }
    others = {person.id for person in realm.members()} - changed
    realm.tell(Notice("subscription", body, frozenset(others)))


def rename_channel(realm: Realm, channel: Channel, name: str) -> None:
    body = {
        "op": "update",
        "type": "stream",
        "property": "name",
        "value": name,
        "stream_id": channel.id,
        "name": channel.name,
    }
    channel.name = name
    realm.tell(Notice("stream", body))


def change_role(realm: Realm, person: Person, role: Role) -> None:
    """A `realm_user` event and several `user_group` events follow, as seen on 9.2."""
    old = person.role
    if old is role:
        return
    person.role = role
    _tell_person(realm, person, role=int(role))
    _tell_group(realm, person, GROUP_OF_ROLE[old], "remove_members")
    _tell_group(realm, person, GROUP_OF_ROLE[role], "add_members")
    if Role.MEMBER in {old, role}:
        op = "add_members" if role is Role.MEMBER else "remove_members"
        _tell_group(realm, person, FULL_MEMBERS, op)


def rename_person(realm: Realm, person: Person, full_name: str) -> None:
    person.full_name = full_name
    _tell_person(realm, person, full_name=full_name)


def deactivate(realm: Realm, person: Person) -> None:
    person.is_active = False
    _tell_person(realm, person, is_active=False)


def reactivate(realm: Realm, person: Person) -> None:
    person.is_active = True
    _tell_person(realm, person, is_active=True)
    channels = [c.id for c in realm.channels.values() if person.id in c.subscribers]
    if channels:
        body = {
            "type": "subscription",
            "op": "peer_add",
            "stream_ids": channels,
            "user_ids": [person.id],
        }
        realm.tell(Notice("subscription", body))


def set_edit_limit(realm: Realm, limit: timedelta | None) -> None:
    realm.settings.edit_limit = limit
    seconds = None if limit is None else int(limit.total_seconds())
    _tell_setting(realm, message_content_edit_limit_seconds=seconds)


def allow_editing(realm: Realm, *, allowed: bool) -> None:
    realm.settings.allow_message_editing = allowed
    _tell_setting(realm, allow_message_editing=allowed)


def set_delete_policy(realm: Realm, policy: int) -> None:
    realm.settings.delete_own_message_policy = policy
    _tell_setting(realm, delete_own_message_policy=policy)


def _tell_person(realm: Realm, person: Person, **changes: object) -> None:
    who = {"user_id": person.id, **changes}
    realm.tell(Notice("realm_user", {"type": "realm_user", "op": "update", "person": who}))


def _tell_group(realm: Realm, person: Person, group_id: int, op: str) -> None:
    body = {"type": "user_group", "op": op, "group_id": group_id, "user_ids": [person.id]}
    realm.tell(Notice("user_group", body))


def _tell_setting(realm: Realm, **data: object) -> None:
    body = {"type": "realm", "op": "update_dict", "property": "default", "data": data}
    realm.tell(Notice("realm", body))
