"""Who can read a channel, as Zulip tells it to somebody who is in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.zulip_api.words import UnreadableError, flag, integer, needed_list


@dataclass(frozen=True, slots=True)
class Readership:
    """Besides these, the administrators can let themselves into any channel."""

    private: bool
    web_public: bool
    #: Ids of people and bots, the asking one included.
    subscribers: frozenset[int]


def read_readership(raw: Mapping[str, Any], channel_id: int) -> Readership | None:
    """Out of `GET /users/me/subscriptions` with `include_subscribers`; None: not subscribed to it.

    Raises UnreadableError.
    """
    for one in needed_list(raw, "subscriptions"):
        if integer(one, "stream_id") == channel_id:
            found = one.get("subscribers")
            if not isinstance(found, list):
                raise UnreadableError("subscribers is no list")
            people = frozenset(integer({"id": each}, "id") for each in found)
            return Readership(flag(one, "invite_only"), flag(one, "is_web_public"), people)
    return None
