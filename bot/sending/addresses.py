"""Where a row of the outbox goes: its stored target, resolved when it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.zulip_api.words import cut_topic
from state import anchors, inbox, installation, job_store, outbox
from state.database import Transaction


@dataclass(frozen=True, slots=True)
class InTopic:
    """A topic of a channel, under its present name."""

    channel_id: int
    topic: str


@dataclass(frozen=True, slots=True)
class Direct:
    """A direct message to these people."""

    user_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unsure:
    """Where this message lies now; `last_known` is where it lay when last seen."""

    message_id: int
    last_known: InTopic | None


@dataclass(frozen=True, slots=True)
class Nowhere:
    """It cannot be sent."""

    why: str


Address = InTopic | Direct | Unsure | Nowhere


def address_of(tx: Transaction, target: Mapping[str, Any]) -> Address:
    """Where a message for this target is to be posted."""
    match target["type"]:
        case "topic":
            return InTopic(int(target["channel_id"]), cut_topic(str(target["topic"])))
        case "direct":
            return Direct(tuple(int(one) for one in target["user_ids"]))
    message_id = message_of(tx, target)
    if message_id is None:
        return Nowhere("what it should follow was never sent")
    anchor = anchors.get(tx, message_id)
    if anchor is None:
        return Unsure(message_id, None)
    place = InTopic(anchor.channel_id, anchor.topic)
    return at_home(tx, target, place) if anchor.sure else Unsure(message_id, place)


def at_home(tx: Transaction, target: Mapping[str, Any], place: InTopic) -> InTopic:
    """What began in one channel is not carried on in another, whoever moves its topic there: it
    goes where it began, under the topic's present name."""
    home = _home_of(tx, target)
    return place if home in (None, place.channel_id) else InTopic(home, place.topic)


def is_home(tx: Transaction, channel_id: int) -> bool:
    """Whether this is the channel in which jobs are told; nobody knows before the connection."""
    return _ops_channel(tx) in (None, channel_id)


def is_away(tx: Transaction, message_id: int) -> bool:
    """Whether a message of a job, as far as its place is known, was moved out of its channel."""
    anchor = anchors.get(tx, message_id)
    return anchor is not None and not is_home(tx, anchor.channel_id)


def _home_of(tx: Transaction, target: Mapping[str, Any]) -> int | None:
    """Answers belong where the command was given, all else into the ops channel."""
    if target["type"] in {"anchor", "message"}:
        command = inbox.newest_by_message(tx, int(target["message_id"]))
        if command is not None:
            return command.channel_id
    return _ops_channel(tx)


def _ops_channel(tx: Transaction) -> int | None:
    known = installation.get(tx, "channel_id")
    return None if known is None else int(known)


def message_of(tx: Transaction, target: Mapping[str, Any]) -> int | None:
    """The message that this target means; None when it was not sent (yet)."""
    match target["type"]:
        case "message" | "anchor":
            return int(target["message_id"])
        case "sent":
            return outbox.sent_message_id(tx, int(target["outbox_id"]))
        case "job" | "job_status":
            job = job_store.get(tx, int(target["job_id"]))
            return None if job is None else job.anchor_message_id
    return None


def status_message_of(tx: Transaction, job_id: int | None) -> int | None:
    """The message in which the job's progress is shown at present."""
    job = None if job_id is None else job_store.get(tx, job_id)
    return None if job is None else job.status_message_id
