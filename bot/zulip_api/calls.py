"""What is asked of Zulip: one method a call, each with its parameters and its answer's type."""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any, TypeVar

from bot.zulip_api.answers import Failure, Ok, Rejected
from bot.zulip_api.readership import Readership, read_readership
from bot.zulip_api.words import (
    UNICODE_EMOJI,
    Channel,
    Emoji,
    Message,
    Page,
    Person,
    Registration,
    ServerSettings,
    UnreadableError,
    integer,
    needed_list,
    read_channel,
    read_message,
    read_page,
    read_person,
    read_registration,
    read_server_settings,
    text,
)

#: The longest that an ordinary call waits for the next byte.
CALL_TIMEOUT = timedelta(seconds=15)
UPLOAD_TIMEOUT = timedelta(seconds=60)
#: A quiet poll ends with a heartbeat after 45 to 55 s, so this much silence is a broken line.
POLL_TIMEOUT = timedelta(seconds=90)
EVENT_TYPES = ("message", "reaction", "update_message", "delete_message", "realm_user", "restart")

Raw = Mapping[str, Any]
Value = TypeVar("Value")
#: Pairs of operator and operand, as in Zulip's search.
Narrow = tuple[tuple[str, str | int | list[int]], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `effect` says that it changes something on the server."""

    method: str
    url: str
    request: Raw
    effect: bool = True
    timeout: timedelta = CALL_TIMEOUT
    file: IO[Any] | None = None


class ZulipCalls(ABC):
    """Zulip's API as far as the bot needs it; how a call travels is left to the client."""

    @abstractmethod
    def call(self, call: Call, read: Callable[[Raw], Value]) -> Ok[Value] | Failure:
        """Make the call once; `read` may raise UnreadableError."""

    def server_settings(self) -> Ok[ServerSettings] | Failure:
        return self._read("server_settings", {}, read_server_settings)

    def me(self) -> Ok[Person] | Failure:
        return self._read("users/me", {}, read_person)

    def person(self, user_id: int) -> Ok[Person] | Failure:
        """Somebody's account at this moment; Rejected if there is no such person."""

        def read(raw: Raw) -> Person:
            person = read_person(_object(raw, "user"))
            if person.id != user_id:
                raise UnreadableError("it is about another person")
            return person

        return self._read(f"users/{user_id}", {}, read)

    def channel(self, name: str) -> Ok[Channel] | Failure:
        """A channel by its name, in any letter case; Rejected if the bot sees no such channel."""
        for url, key in (("users/me/subscriptions", "subscriptions"), ("streams", "streams")):
            answer = self._read(url, {}, _channels_reader(key))
            if not isinstance(answer, Ok):
                return answer
            found = [one for one in answer.value if one.name.casefold() == name.casefold()]
            if found:
                return Ok(found[0])
        return Rejected("CHANNEL_UNKNOWN", f"There is no channel {name} that the bot can see.")

    def readership(self, channel_id: int) -> Ok[Readership | None] | Failure:
        """Who can read a channel that the bot is in; None: it is not in it."""

        def read(raw: Raw) -> Readership | None:
            return read_readership(raw, channel_id)

        return self._read("users/me/subscriptions", {"include_subscribers": True}, read)

    def register(self) -> Ok[Registration] | Failure:
        """A new event queue. The server keeps it for ten minutes without a poll."""
        request = {
            "event_types": list(EVENT_TYPES),
            "fetch_event_types": ["message", "realm", "subscription"],
            "apply_markdown": False,
            "client_gravatar": True,
        }
        return self.call(Call("POST", "register", request, effect=False), read_registration)

    def poll(
        self, queue_id: str, last_event_id: int, *, wait: timedelta = POLL_TIMEOUT
    ) -> Ok[list[Raw]] | Failure:
        """The events after this one, raw; none comes for longer than `wait`: Down.

        With a `wait` of zero it answers at once with what there is.
        """
        request: dict[str, Any] = {"queue_id": queue_id, "last_event_id": last_event_id}
        if not wait:
            request["dont_block"] = True
        limit = min(wait, POLL_TIMEOUT) or CALL_TIMEOUT
        return self._read("events", request, lambda raw: needed_list(raw, "events"), limit)

    def drop_queue(self, queue_id: str) -> Ok[None] | Failure:
        """Give an event queue back that is not needed after all."""
        return self._do("DELETE", "events", {"queue_id": queue_id})

    def message(self, message_id: int) -> Ok[Message] | Failure:
        """One message with its reactions and edits; Rejected if it is gone or out of reach."""

        def read(raw: Raw) -> Message:
            message = read_message(_object(raw, "message"))
            if message.id != message_id:
                raise UnreadableError("it is about another message")
            return message

        return self._read(f"messages/{message_id}", {"apply_markdown": False}, read)

    def messages_after(self, after_id: int, limit: int, narrow: Narrow = ()) -> Ok[Page] | Failure:
        """The next messages after this id, oldest first; the empty narrow is all the bot got."""
        return self._messages(narrow, anchor=max(after_id, 0), before=0, after=limit)

    def newest_messages(self, limit: int, narrow: Narrow = ()) -> Ok[Page] | Failure:
        """The newest messages, oldest of them first."""
        return self._messages(narrow, anchor="newest", before=limit, after=0)

    def send_to_channel(self, channel_id: int, topic: str, content: str) -> Ok[int] | Failure:
        """The new message's id."""
        return self._send({"type": "stream", "to": channel_id, "topic": topic, "content": content})

    def send_direct(self, user_ids: tuple[int, ...], content: str) -> Ok[int] | Failure:
        """The new message's id."""
        return self._send({"type": "private", "to": list(user_ids), "content": content})

    def edit(self, message_id: int, content: str) -> Ok[None] | Failure:
        """Refused after the organization's limit, for bots too (limit + 20 s, seen on 9.2)."""
        return self._do("PATCH", f"messages/{message_id}", {"content": content})

    def move_topic(self, message_id: int, topic: str) -> Ok[None] | Failure:
        """Rename the whole topic in which this message lies."""
        request = {"topic": topic, "propagate_mode": "change_all"}
        return self._do("PATCH", f"messages/{message_id}", request)

    def react(self, message_id: int, emoji: Emoji) -> Ok[None] | Failure:
        """Rejected with REACTION_ALREADY_EXISTS if it is there."""
        return self._do("POST", f"messages/{message_id}/reactions", _reaction(emoji))

    def unreact(self, message_id: int, emoji: Emoji) -> Ok[None] | Failure:
        """Rejected with REACTION_DOES_NOT_EXIST if it is not there."""
        return self._do("DELETE", f"messages/{message_id}/reactions", _reaction(emoji))

    def upload(self, name: str, content: bytes) -> Ok[str] | Failure:
        """The path of the uploaded file on the server, for a link."""
        file = io.BytesIO(content)
        file.name = name
        call = Call("POST", "user_uploads", {}, timeout=UPLOAD_TIMEOUT, file=file)
        # `uri` was renamed to `url` in Zulip 9.
        return self.call(call, lambda raw: text(raw, "url" if "url" in raw else "uri"))

    def _messages(
        self, narrow: Narrow, *, anchor: int | str, before: int, after: int
    ) -> Ok[Page] | Failure:
        request = {
            "anchor": anchor,
            "include_anchor": anchor == "newest",
            "num_before": before,
            "num_after": after,
            "narrow": [{"operator": operator, "operand": operand} for operator, operand in narrow],
            "apply_markdown": False,
            "client_gravatar": True,
        }
        return self._read("messages", request, read_page)

    def _send(self, request: Raw) -> Ok[int] | Failure:
        return self.call(Call("POST", "messages", request), lambda raw: integer(raw, "id"))

    def _do(self, method: str, url: str, request: Raw) -> Ok[None] | Failure:
        return self.call(Call(method, url, request), lambda raw: None)

    def _read(
        self,
        url: str,
        request: Raw,
        read: Callable[[Raw], Value],
        timeout: timedelta = CALL_TIMEOUT,
    ) -> Ok[Value] | Failure:
        return self.call(Call("GET", url, request, effect=False, timeout=timeout), read)


def _object(raw: Raw, key: str) -> Raw:
    value = raw.get(key)
    if not isinstance(value, dict):
        raise UnreadableError(f"{key} is no object")
    return value


def _reaction(emoji: Emoji) -> dict[str, str]:
    """By code and type: a name alone may mean an emoji that somebody has redefined."""
    return {
        "emoji_name": emoji.name,
        "emoji_code": emoji.code,
        "reaction_type": UNICODE_EMOJI,
    }


def _channels_reader(key: str) -> Callable[[Raw], tuple[Channel, ...]]:
    subscribed = key == "subscriptions"

    def read(raw: Raw) -> tuple[Channel, ...]:
        return tuple(read_channel(one, subscribed=subscribed) for one in needed_list(raw, key))

    return read
