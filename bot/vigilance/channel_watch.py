"""Watches who can read the ops channel; what it shows and what is asked there is for few."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.deciding.effects import Effect, ReadReadership
from bot.deciding.following import Following
from bot.identity import UNKNOWN, Identity
from bot.observations import Observation, ReadershipSeen
from bot.permissions import everybody
from bot.replies.alarms import ChannelOpened
from bot.replies.vigilance import IncidentEnded
from bot.vigilance import read_only
from bot.vigilance.incidents import topic_of
from bot.zulip_api.readership import Readership
from state import incident_store
from state.database import Transaction

#: With a look at the clock every twenty seconds, a change is noticed within a minute.
EVERY = timedelta(seconds=35)


@dataclass(slots=True)
class ChannelWatch:
    """Remembers when it looked last; the first look comes with the connection."""

    identity: Identity
    #: Whether the channel may be public and hold people whom no role lists.
    may_be_open: bool
    _asked_at: datetime | None = None

    def owed(self, now: datetime) -> tuple[Effect, ...]:
        """A look, when it is time for one."""
        if self.identity.channel_id == UNKNOWN:
            return ()
        if self._asked_at is not None and timedelta(0) <= now - self._asked_at < EVERY:
            return ()
        self._asked_at = now
        return (ReadReadership(self.identity.channel_id),)

    def take(
        self, tx: Transaction, following: Following, look: Observation, now: datetime
    ) -> tuple[Effect, ...]:
        """What was seen: an incident begins, or ends by itself. Nothing is known of a look that
        failed, so it changes nothing: commands and consent cannot be read then either."""
        if not isinstance(look.seen, ReadershipSeen):
            return ()
        listed = everybody(following.engine.policy) | {self.identity.bot_id}
        opened = opening(
            look.seen.readership, listed, self.identity.channel, may_be_open=self.may_be_open
        )
        if opened is not None:
            return read_only.begin(tx, following, read_only.CHANNEL, opened.text(), now)
        _end(tx, following, now)
        return ()


def opening(
    found: Readership | None, listed: frozenset[int], channel: str, *, may_be_open: bool
) -> ChannelOpened | None:
    """What is wrong with who can read the channel; nobody may ever read it from the web."""
    if found is None:
        return ChannelOpened(channel, "left", [])
    if found.web_public:
        return ChannelOpened(channel, "web", [])
    if may_be_open:
        return None
    if not found.private:
        return ChannelOpened(channel, "public", [])
    strangers = sorted(found.subscribers - listed)
    return ChannelOpened(channel, "strangers", strangers) if strangers else None


def _end(tx: Transaction, following: Following, now: datetime) -> None:
    for one in incident_store.open_incidents(tx):
        if one.kind != read_only.CHANNEL:
            continue
        reason = "the channel is closed to others again"
        incident_store.close(tx, one.id, by="zulip-ops", reason=reason, actor="zulip-ops", at=now)
        told = IncidentEnded(one.id, "zulip-ops", None, reason)
        following.outgoing.go_on(tx, topic_of(one), told, now)
