"""Who the bot is in Zulip and where it listens, remembered for the next start."""

import json
from dataclasses import dataclass

from bot.events import Connected
from bot.zulip_api.words import Channel, Registration
from state import installation
from state.database import Transaction

#: The ids before the first connection.
UNKNOWN = 0

_SERVER = "server"
_NAMES = ("bot_id", "bot_name", "channel_id", "channel")


@dataclass(frozen=True, slots=True)
class Identity:
    """Told by Zulip when the bot connects."""

    bot_id: int
    bot_name: str
    channel_id: int
    channel: str


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which organization answers: its address, and the moment in which it was made.

    `server_generation` is none of it: that is another one after every restart.
    """

    url: str
    #: Seconds since 1970; None: the server does not tell.
    created: int | None

    def is_other_than(self, other: "ServerIdentity") -> bool:
        differs = None not in (self.created, other.created) and self.created != other.created
        return self.url != other.url or differs


def server_of(registration: Registration) -> ServerIdentity:
    return ServerIdentity(registration.realm_url, registration.realm_created)


def remembered_server(tx: Transaction) -> ServerIdentity | None:
    """The server that was last connected to; None before the first time."""
    stored = installation.get(tx, _SERVER)
    if stored is None:
        return None
    url, created = json.loads(stored)
    return ServerIdentity(url, created)


def remember_server(tx: Transaction, server: ServerIdentity) -> None:
    installation.put(tx, _SERVER, json.dumps([server.url, server.created]))


def remembered(tx: Transaction) -> Identity | None:
    """Who the bot was when it last connected; None before the first time."""
    values = [installation.get(tx, name) for name in _NAMES]
    bot_id, bot_name, channel_id, channel = values
    if bot_id is None or bot_name is None or channel_id is None or channel is None:
        return None
    return Identity(int(bot_id), bot_name, int(channel_id), channel)


def remember(tx: Transaction, identity: Identity) -> None:
    installation.put(tx, "bot_id", str(identity.bot_id))
    installation.put(tx, "bot_name", identity.bot_name)
    installation.put(tx, "channel_id", str(identity.channel_id))
    installation.put(tx, "channel", identity.channel)


def of_connection(connected: Connected, channel_name: str) -> Identity | None:
    """None when the bot is not subscribed to its channel."""
    found = _channel(connected.registration.channels, channel_name)
    if found is None:
        return None
    return Identity(connected.me.id, connected.me.name, found.id, found.name)


def _channel(channels: tuple[Channel, ...], name: str) -> Channel | None:
    return next((one for one in channels if one.name.casefold() == name.casefold()), None)
