"""A simulated Zulip with its people, and our own client connected to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.server import SimulatedZulip
from bot.zulip_client import ZulipClient


class RealTime:
    """The clock on the wall."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a test of the Zulip side plays on."""

    zulip: SimulatedZulip
    cast: Cast

    def client(self) -> ZulipClient:
        bot = self.cast.bot
        return ZulipClient(site=self.zulip.url, email=bot.email, key=bot.api_key)


@contextmanager
def stage(heartbeat: timedelta = timedelta(seconds=50)) -> Iterator[Stage]:
    with SimulatedZulip(heartbeat=heartbeat) as zulip:
        cast = add_cast(zulip)
        zulip.set_rate_limit(100_000)
        yield Stage(zulip, cast)
