"""What Zulip tells, in our words: messages, reactions, people and channels as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

#: Zulip cuts longer topics itself and ends them with "..."; so we cut first.
LONGEST_TOPIC = 60
RESOLVED_PREFIX = "✔ "
UNICODE_EMOJI = "unicode_emoji"


class UnreadableError(ValueError):
    """An answer of Zulip's has not the shape that it must have."""


@dataclass(frozen=True, slots=True)
class Emoji:
    """An emoji by Zulip's name and code; the code is what counts, names have aliases."""

    name: str
    code: str


EYES = Emoji("eyes", "1f440")
CHECK = Emoji("check", "2705")
CROSS = Emoji("cross_mark", "274c")
WORKING = Emoji("gear", "2699")
STOP = Emoji("stop_sign", "1f6d1")
EMOJI = {emoji.name: emoji for emoji in (EYES, CHECK, CROSS, WORKING, STOP)}


@dataclass(frozen=True, slots=True)
class Reaction:
    """One person's reaction; it is a given emoji only if type *and* code agree."""

    user_id: int
    emoji_name: str
    emoji_code: str
    reaction_type: str

    def is_emoji(self, emoji: Emoji) -> bool:
        return self.reaction_type == UNICODE_EMOJI and self.emoji_code == emoji.code

    @property
    def is_vote(self) -> bool:
        """One of the two that mean something to the bot; nobody looks at any other."""
        return self.is_emoji(CHECK) or self.is_emoji(CROSS)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a message's edit history, newest first in the list."""

    at: datetime
    content_changed: bool
    topic_before: str | None
    channel_before: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is stored, with raw Markdown."""

    id: int
    sender_id: int
    sender_name: str
    #: `sender_realm_str`; the root organization's is empty.
    sender_realm: str
    #: None for direct messages.
    channel_id: int | None
    #: Empty for direct messages.
    topic: str
    #: Everybody in a direct message, the bot included; empty in a channel.
    participants: tuple[int, ...]
    content: str
    #: The name of the program it was sent with, such as `website` or `Internal`.
    client: str
    sent_at: datetime
    #: Whether this reader is mentioned by name.
    mentioned: bool
    #: ✅ and ❌ alone, however many others there are.
    reactions: tuple[Reaction, ...]
    changes: tuple[Change, ...]
    edited: bool
    moved: bool
    #: It never reached this reader: from before the subscription, or moved in later.
    historical: bool = False

    @property
    def is_direct(self) -> bool:
        return self.channel_id is None


@dataclass(frozen=True, slots=True)
class Person:
    """What `GET /users/{id}` says of an account; roles: 100 owner, 200 administrator, 300
    moderator, 400 member, 600 guest.
    """

    id: int
    name: str
    email: str
    role: int
    is_bot: bool
    is_active: bool
    is_guest: bool
    is_admin: bool
    is_owner: bool
    #: When the account was made; Zulip tells it to the minute.
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as the bot sees it."""

    id: int
    name: str
    subscribed: bool
    private: bool
    web_public: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive messages, oldest first, and whether there are no newer ones."""

    messages: tuple[Message, ...]
    found_newest: bool


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What anybody may ask a Zulip server without a key."""

    zulip_version: str
    feature_level: int
    realm_url: str


@dataclass(frozen=True, slots=True)
class Registration:
    """A fresh event queue, and what was true of the server when it was made."""

    queue_id: str
    last_event_id: int
    zulip_version: str
    feature_level: int
    #: How long a poll may take; a heartbeat comes before.
    long_poll: timedelta
    #: How long a message may be edited: None is for ever, zero not at all.
    edit_limit: timedelta | None
    #: Those that the bot is subscribed to.
    channels: tuple[Channel, ...]
    realm_url: str
    #: When the organization was made, in seconds since 1970; None before Zulip 8.
    realm_created: int | None = None


def read_message(raw: Mapping[str, Any], flags: object = None) -> Message:
    """One message of an event or of `GET /messages`, asked for with `apply_markdown=false`.

    Events bring the flags beside the message, reads inside it. Raises UnreadableError.
    """
    direct = text(raw, "type") in ("private", "direct")
    changes = tuple(_read_change(entry) for entry in optional_list(raw, "edit_history"))
    found_flags = optional_list(raw, "flags") if flags is None else flags
    return Message(
        id=integer(raw, "id"),
        sender_id=integer(raw, "sender_id"),
        sender_name=text(raw, "sender_full_name"),
        sender_realm=text(raw, "sender_realm_str"),
        channel_id=None if direct else integer(raw, "stream_id"),
        topic="" if direct else text(raw, "subject"),
        participants=_participants(raw) if direct else (),
        content=text(raw, "content"),
        client=text(raw, "client"),
        sent_at=moment(raw, "timestamp"),
        mentioned=isinstance(found_flags, list) and "mentioned" in found_flags,
        reactions=_votes(optional_list(raw, "reactions")),
        changes=changes,
        edited=_was_edited(raw, changes),
        moved=raw.get("last_moved_timestamp") is not None or any(map(_is_move, changes)),
        historical=isinstance(found_flags, list) and "historical" in found_flags,
    )


def read_person(raw: Mapping[str, Any]) -> Person:
    """`GET /users/{id}`'s `user`, or `GET /users/me`. Raises UnreadableError."""
    return Person(
        id=integer(raw, "user_id"),
        name=text(raw, "full_name"),
        email=text(raw, "email"),
        role=integer(raw, "role"),
        is_bot=flag(raw, "is_bot"),
        is_active=flag(raw, "is_active"),
        is_guest=flag(raw, "is_guest"),
        is_admin=flag(raw, "is_admin"),
        is_owner=flag(raw, "is_owner"),
        joined_at=iso_moment(raw, "date_joined"),
    )


def read_channel(raw: Mapping[str, Any], *, subscribed: bool) -> Channel:
    """An entry of `subscriptions` or of `GET /streams`. Raises UnreadableError."""
    return Channel(
        id=integer(raw, "stream_id"),
        name=text(raw, "name"),
        subscribed=subscribed,
        private=flag(raw, "invite_only"),
        web_public=flag(raw, "is_web_public"),
    )


def read_page(raw: Mapping[str, Any]) -> Page:
    """`GET /messages`. Raises UnreadableError."""
    messages = tuple(read_message(entry) for entry in needed_list(raw, "messages"))
    return Page(tuple(sorted(messages, key=lambda one: one.id)), flag(raw, "found_newest"))


def read_server_settings(raw: Mapping[str, Any]) -> ServerSettings:
    """`GET /server_settings`. Raises UnreadableError."""
    return ServerSettings(
        text(raw, "zulip_version"), integer(raw, "zulip_feature_level"), _realm_url(raw)
    )


def read_registration(raw: Mapping[str, Any]) -> Registration:
    """`POST /register` that fetched message, realm and subscription. Raises UnreadableError."""
    return Registration(
        queue_id=text(raw, "queue_id"),
        last_event_id=integer(raw, "last_event_id"),
        zulip_version=text(raw, "zulip_version"),
        feature_level=integer(raw, "zulip_feature_level"),
        long_poll=timedelta(seconds=integer(raw, "event_queue_longpoll_timeout_seconds")),
        edit_limit=_read_edit_limit(raw),
        channels=tuple(
            read_channel(entry, subscribed=True) for entry in needed_list(raw, "subscriptions")
        ),
        realm_url=_realm_url(raw),
        realm_created=integer(raw, created) if (created := "realm_date_created") in raw else None,
    )


def place_after_move(raw: Mapping[str, Any]) -> tuple[int, str] | None:
    """Channel and topic after an `update_message` event; None when nothing was moved. Raises
    UnreadableError."""
    if "subject" not in raw and "new_stream_id" not in raw:
        return None
    channel = "new_stream_id" if "new_stream_id" in raw else "stream_id"
    return integer(raw, channel), text(raw, "subject" if "subject" in raw else "orig_subject")


def cut_topic(topic: str) -> str:
    """The topic as Zulip will keep it."""
    return topic if len(topic) <= LONGEST_TOPIC else topic[: LONGEST_TOPIC - 1] + "…"


def resolved(topic: str) -> str:
    """The topic's name once it is marked resolved."""
    return topic if topic.startswith(RESOLVED_PREFIX) else cut_topic(RESOLVED_PREFIX + topic)


def unresolved(topic: str) -> str:
    """The topic's name without the mark."""
    return topic.removeprefix(RESOLVED_PREFIX)


def integer(raw: Mapping[str, Any], key: str) -> int:
    value = raw.get(key)
    # A bool is an int to Python and must not pass for an id.
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableError(f"{key} is no whole number")
    return value


def text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        raise UnreadableError(f"{key} is no text")
    return value


def flag(raw: Mapping[str, Any], key: str) -> bool:
    value = raw.get(key)
    if not isinstance(value, bool):
        raise UnreadableError(f"{key} is neither true nor false")
    return value


def moment(raw: Mapping[str, Any], key: str) -> datetime:
    """Zulip's times are whole seconds since 1970."""
    try:
        return datetime.fromtimestamp(integer(raw, key), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise UnreadableError(f"{key} is no time") from error


def iso_moment(raw: Mapping[str, Any], key: str) -> datetime:
    """A time as ISO 8601 has it, with its zone."""
    try:
        found = datetime.fromisoformat(text(raw, key))
    except ValueError as error:
        raise UnreadableError(f"{key} is no time") from error
    if found.tzinfo is None:
        raise UnreadableError(f"{key} has no zone")
    return found.astimezone(UTC)


def needed_list(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of objects, which must be there."""
    value = raw.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise UnreadableError(f"{key} is no list of objects")
    return value


def optional_list(raw: Mapping[str, Any], key: str) -> list[Any]:
    """A list, or an empty one where Zulip leaves it out."""
    value = raw.get(key, [])
    if not isinstance(value, list):
        raise UnreadableError(f"{key} is no list")
    return value


def _participants(raw: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(sorted(integer(person, "id") for person in needed_list(raw, "display_recipient")))


def read_reaction(raw: object) -> Reaction:
    """An entry of a message's `reactions`, or a `reaction` event. Raises UnreadableError."""
    if not isinstance(raw, dict):
        raise UnreadableError("a reaction is no object")
    return Reaction(
        integer(raw, "user_id"),
        text(raw, "emoji_name"),
        text(raw, "emoji_code"),
        text(raw, "reaction_type"),
    )


def _votes(raw: list[Any]) -> tuple[Reaction, ...]:
    """All must be readable: one that is not might be somebody's ❌."""
    return tuple(one for one in map(read_reaction, raw) if one.is_vote)


def _read_change(raw: object) -> Change:
    if not isinstance(raw, dict):
        raise UnreadableError("an edit is no object")
    return Change(
        at=moment(raw, "timestamp"),
        content_changed="prev_content" in raw,
        topic_before=text(raw, "prev_topic") if "prev_topic" in raw else None,
        channel_before=integer(raw, "prev_stream") if "prev_stream" in raw else None,
    )


def _is_move(change: Change) -> bool:
    return change.topic_before is not None or change.channel_before is not None


def _was_edited(raw: Mapping[str, Any], changes: tuple[Change, ...]) -> bool:
    """Whether the content was ever changed; in doubt it was.

    Up to Zulip 10 a move sets `last_edit_timestamp` too; later versions have
    `last_moved_timestamp` for it. An organization may hide the history of edits.
    """
    if any(change.content_changed for change in changes):
        return True
    if raw.get("last_edit_timestamp") is None:
        return False
    return not changes or "last_moved_timestamp" in raw


def _read_edit_limit(raw: Mapping[str, Any]) -> timedelta | None:
    if not flag(raw, "realm_allow_message_editing"):
        return timedelta(0)
    if raw.get("realm_message_content_edit_limit_seconds") is None:
        return None
    return timedelta(seconds=integer(raw, "realm_message_content_edit_limit_seconds"))


def _realm_url(raw: Mapping[str, Any]) -> str:
    """`realm_uri` was renamed in Zulip 9."""
    return text(raw, "realm_url" if "realm_url" in raw else "realm_uri")
