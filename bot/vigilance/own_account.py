"""Notices what is done with the bot's own account and was not done by the bot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.deciding.effects import Effect
from bot.deciding.following import Following
from bot.events import MessageArrived
from bot.replies.alarms import KeyMisused
from bot.vigilance import read_only
from state import inbox, installation, outbox
from state.database import Transaction

#: A message is often told of before the answer to its sending has come.
PATIENCE = timedelta(seconds=15)
#: So long it may take to find out what became of a sending that ended in doubt.
PATIENCE_IN_DOUBT = timedelta(minutes=2)
#: The end of an epoch is noticed in less.
LATELY = timedelta(minutes=5)
#: The setting with the messages that are not known as ours yet, and since when.
_UNKNOWN = "unknown_own_messages"


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A message that is not known as ours."""

    since: datetime
    #: Whether it was overdue at the last look: a clock that is set forward makes it so at once.
    overdue: bool = False


def spoke(tx: Transaction, arrived: MessageArrived, now: datetime) -> None:
    """A message of our account came in; unless it is known as ours soon, it is not."""
    message = arrived.message
    # To itself it writes when it counts Zulip's messages; an import brings what was ours long ago.
    to_itself = message.is_direct and set(message.participants) <= {message.sender_id}
    if arrived.out_of_turn or to_itself or _is_ours(tx, message.id, now):
        return
    unknown = _unknown(tx)
    unknown.setdefault(message.id, _Doubt(now))
    _keep(tx, unknown)


def overdue(tx: Transaction, following: Following, now: datetime) -> tuple[Effect, ...]:
    """Raise the alarm for messages of our account that nothing of ours has sent: at the second
    look that finds them overdue, which comes twenty seconds after the first."""
    before = _unknown(tx)
    if not before:
        return ()
    # With a clock that was set back, the waiting begins anew.
    unknown = {
        one: replace(doubt, since=min(doubt.since, now))
        for one, doubt in before.items()
        if not _is_ours(tx, one, now)
    }
    patience = PATIENCE_IN_DOUBT if outbox.interrupted_sends(tx) else PATIENCE
    late = {one for one, doubt in unknown.items() if now - doubt.since >= patience}
    foreign = sorted(one for one in late if unknown[one].overdue)
    left = unknown.keys() - foreign
    _keep(tx, {one: replace(unknown[one], overdue=one in late) for one in left})
    return alarm(tx, following, "message", foreign, now) if foreign else ()


def reacted(
    tx: Transaction, following: Following, message_id: int, now: datetime
) -> tuple[Effect, ...]:
    """Our account reacted; the bot itself reacts to nothing but the commands that it took in."""
    if inbox.newest_by_message(tx, message_id) is not None:
        return ()
    return alarm(tx, following, "reaction", [message_id], now)


def alarm(
    tx: Transaction, following: Following, what: str, messages: Sequence[int], now: datetime
) -> tuple[Effect, ...]:
    """Somebody else has the key; `what` they did is a message, a reaction or the edit of a plan."""
    sentence = KeyMisused(what, list(messages)).text()
    return read_only.begin(tx, following, read_only.KEY, sentence, now)


def _is_ours(tx: Transaction, message_id: int, now: datetime) -> bool:
    return outbox.has_sent(tx, message_id, since=now - LATELY)


def _unknown(tx: Transaction) -> dict[int, _Doubt]:
    stored = json.loads(installation.get(tx, _UNKNOWN) or "{}")
    return {
        int(one): _Doubt(datetime.fromisoformat(since), overdue)
        for one, (since, overdue) in stored.items()
    }


def _keep(tx: Transaction, unknown: dict[int, _Doubt]) -> None:
    stored = {str(one): (doubt.since.isoformat(), doubt.overdue) for one, doubt in unknown.items()}
    installation.put(tx, _UNKNOWN, json.dumps(stored))
