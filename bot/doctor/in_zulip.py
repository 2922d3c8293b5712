"""Tries the way to Zulip: key, channel, subscription, edit limit and clock."""

from collections.abc import Iterator
from datetime import timedelta

from bot.doctor.contract import Diagnosis, away, failed, ok, warning
from bot.permissions import everybody
from bot.settings import Settings
from bot.vigilance.channel_watch import opening
from bot.zulip_api.answers import Failure, Ok, Rejected, Unauthorized, sentence
from bot.zulip_api.words import Registration
from bot.zulip_api.zuliprc import ZuliprcError
from bot.zulip_client import ZulipClient
from handlers.contract import Clock
from handlers.wording import duration
from jobs.clock import SystemClock

#: Beyond this, ages and expiries that two clocks judge go wrong.
_WORST_CLOCK_ERROR = timedelta(seconds=30)


def examine_zulip(settings: Settings, clock: Clock | None = None) -> Iterator[Diagnosis]:
    """Log in, register an event queue as the bot does, and give it back."""
    try:
        client = settings.client()
    except ZuliprcError as error:
        yield failed("zuliprc", str(error), "See zuliprc.example.")
        return
    me = client.me()
    if not isinstance(me, Ok):
        yield _refused("key", me, settings)
        return
    yield ok("key", f"{client.site} knows us as {me.value.name} (user {me.value.id}).")
    if not me.value.is_bot:
        yield warning("key", "This account is a person's, not a bot's.", "Make a bot in Zulip.")
    registration = client.register()
    if not isinstance(registration, Ok):
        yield _refused("event queue", registration, settings)
        return
    client.drop_queue(registration.value.queue_id)
    yield _channel(settings, client, me.value.id)
    yield _edit_limit(registration.value)
    yield _clock(client, clock or SystemClock())
    client.close()


def _refused(subject: str, failure: Failure, settings: Settings) -> Diagnosis:
    zuliprc = settings.configuration.zulip.zuliprc
    if isinstance(failure, Unauthorized):
        return failed(subject, sentence(failure), f"Look at `email` and `key` in {zuliprc}.")
    if isinstance(failure, Rejected):
        return failed(subject, sentence(failure), f"Look at `site` in {zuliprc}.")
    advice = f"See whether Zulip runs, and look at `site` in {zuliprc}."
    return away(subject, sentence(failure), advice)


def _channel(settings: Settings, client: ZulipClient, bot_id: int) -> Diagnosis:
    name = settings.configuration.zulip.channel
    found = client.channel(name)
    if isinstance(found, Rejected):
        advice = f"Make the channel #{name}, or name another one as `zulip.channel`."
        return failed("channel", found.message, advice)
    if not isinstance(found, Ok):
        return away("channel", sentence(found), "Try again.")
    channel = found.value
    if not channel.subscribed:
        advice = f"Subscribe it in Zulip: #{name}, Channel settings, Subscribers."
        return failed("channel", f"The bot is not subscribed to #{name}.", advice)
    readership = client.readership(channel.id)
    if not isinstance(readership, Ok):
        return away("channel", sentence(readership), "Try again.")
    zulip, policy = settings.configuration.zulip, settings.configuration.policy
    listed = everybody(policy) | {bot_id}
    opened = opening(readership.value, listed, name, may_be_open=zulip.channel_may_be_open)
    if opened is not None:
        return failed(
            "channel",
            f"{opened.text()} While that is so, only commands that read are answered.",
            "Make it private, with the people of the policy and the bot in it; or, if others may "
            "read it, set `zulip.channel_may_be_open`.",
        )
    if not channel.private:
        return warning(
            "channel",
            f"#{name} is public, so everybody reads how the server is looked after.",
            "Make it private, with the people of the policy and the bot in it.",
        )
    return ok("channel", f"The bot reads #{name}, which is private.")


def _edit_limit(registration: Registration) -> Diagnosis:
    limit = registration.edit_limit
    if limit is None:
        return ok("edit limit", "Messages may be edited at any time.")
    if not limit:
        return warning(
            "edit limit",
            "Editing messages is switched off, so progress is posted as new messages.",
            "Allow it in Zulip: Organization settings, Organization permissions.",
        )
    return ok("edit limit", f"Messages may be edited for {duration(limit.total_seconds())}.")


def _clock(client: ZulipClient, clock: Clock) -> Diagnosis:
    """The server dates its answers; the difference is ours or its."""
    server_time = client.server_time()
    if not isinstance(server_time, Ok):
        return warning("clock", sentence(server_time), "Compare the two clocks by hand.")
    error = abs(clock.now() - server_time.value)
    if error > _WORST_CLOCK_ERROR:
        return failed(
            "clock",
            f"This host and Zulip disagree about the time by {duration(error.total_seconds())}.",
            "Set up time synchronization (chrony or systemd-timesyncd) on both.",
        )
    return ok("clock", f"Zulip's clock and ours agree to {duration(error.total_seconds())}.")
