"""The one judge of consent: what a message, its reactions and its voters amount to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: ✅ and ❌ by Zulip's own codes; names have aliases and lie.
YES = "2705"
NO = "274c"
UNICODE_EMOJI = "unicode_emoji"
#: An account younger than this is nobody's second person: it may have been made for the purpose.
YOUNGEST_APPROVER = timedelta(days=7)
#: What was seen longer ago than this may no longer be true.
OLDEST_OBSERVATION = timedelta(seconds=10)


class Kind(StrEnum):
    """Whose consent is asked for."""

    CONFIRMATION = "confirmation"  # the asker's own second yes
    APPROVAL = "approval"  # another person's
    WORD = "word"  # the asker's own `--yes` in the command itself


class State(StrEnum):
    """What a request for consent has come to; only `waiting` is not the end of it."""

    WAITING = "waiting"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"


class Cause(StrEnum):
    """Why a verdict is what it is; stored, never renamed."""

    ENOUGH = "enough"
    TOO_FEW = "too_few"
    DENIED = "denied"
    TIME_IS_UP = "time_is_up"
    UNREADABLE = "unreadable"
    OUTDATED = "outdated"
    OTHER_MESSAGE = "other_message"
    OTHER_POLICY = "other_policy"
    OTHER_EPOCH = "other_epoch"
    GONE = "gone"
    OTHER_SENDER = "other_sender"
    OTHER_CONTENT = "other_content"
    EDITED = "edited"
    MOVED = "moved"
    COMMAND_GONE = "command_gone"
    COMMAND_EDITED = "command_edited"
    COMMAND_MOVED = "command_moved"
    NOBODY_MAY = "nobody_may"


@dataclass(frozen=True, slots=True)
class Source:
    """The message in which the command stands, as it was when it was taken in."""

    message_id: int
    sender_id: int
    content_sha256: str


@dataclass(frozen=True, slots=True)
class SourceSeen:
    """That message as it is now."""

    message_id: int
    sender_id: int
    content_sha256: str
    edited: bool
    moved: bool
    gone: bool = False


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """What is consented to, by whom, and until when."""

    asker_id: int
    #: The policy's list; empty means that nobody can consent.
    approvers: frozenset[int]
    #: How many different people.
    needed: int
    #: Whether the asker may be one of them.
    self_counts: bool
    plan_message_id: int
    #: Of the plan message as it was posted, in hexadecimal.
    content_sha256: str
    expires_at: datetime
    epoch: int
    #: None where nobody wrote a command: a schedule, or root on the host.
    command: Source | None = None
    #: Of the policy from which these terms come.
    policy_sha256: str = ""
    #: Whose message the plan has to be; None: the bot's.
    sender_id: int | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """One reaction, as `GET /messages/{id}` lists it."""

    user_id: int
    emoji_code: str
    reaction_type: str


@dataclass(frozen=True, slots=True)
class Voter:
    """What a person is at present, as `GET /users/{id}` tells it."""

    is_human: bool
    is_active: bool
    is_guest: bool
    #: Made less than `YOUNGEST_APPROVER` before it was looked at.
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at all that consent hangs on: the plan message, its voters, the command."""

    epoch: int
    message_id: int
    sender_id: int
    content_sha256: str
    edited: bool
    moved: bool
    reactions: tuple[Vote, ...]
    #: Who could be read; whoever is missing could not.
    people: Mapping[int, Voter]
    fetch_started_at: datetime
    fetch_ended_at: datetime
    #: Zulip did not tell all that was asked.
    unreadable: bool = False
    #: The plan message was deleted.
    gone: bool = False
    command: SourceSeen | None = None
    #: Who said `approve` in a message that was read again in this look and is what it was.
    spoken: frozenset[int] = frozenset()
    #: Of the policy in force during the look.
    policy_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What it came to, and through whom: those who denied, else those who consented so far."""

    state: State
    by: tuple[int, ...]
    reason: Cause


def judge(
    request: ConsentRequest,
    observation: Observation,
    now: datetime,
    bot_id: int,
    last_hint_at: datetime | None = None,
) -> Verdict:
    """The verdict of this one look, from nothing else; what is unknown never grants.

    `last_hint_at` is when the newest event about the message came: only a look that began after
    it has seen what the event told.
    """
    if max(now, observation.fetch_started_at, observation.fetch_ended_at) >= request.expires_at:
        return Verdict(State.EXPIRED, (), Cause.TIME_IS_UP)
    if observation.unreadable:
        return Verdict(State.WAITING, (), Cause.UNREADABLE)
    if observation.message_id != request.plan_message_id:
        return Verdict(State.WAITING, (), Cause.OTHER_MESSAGE)
    tampered = _tampered(request, observation, bot_id) or _command_tampered(request, observation)
    if tampered is not None:
        # True however old the look is: none of these is ever undone.
        return Verdict(State.VOID, (), tampered)
    if request.command is not None and observation.command is None:
        return Verdict(State.WAITING, (), Cause.UNREADABLE)
    if not _is_current(observation, now, last_hint_at):
        return Verdict(State.WAITING, (), Cause.OUTDATED)
    return _count(request, observation, bot_id)


def _tampered(request: ConsentRequest, observation: Observation, bot_id: int) -> Cause | None:
    if observation.epoch != request.epoch:
        return Cause.OTHER_EPOCH
    if observation.policy_sha256 != request.policy_sha256:
        return Cause.OTHER_POLICY
    if observation.gone:
        return Cause.GONE
    if observation.sender_id != (bot_id if request.sender_id is None else request.sender_id):
        return Cause.OTHER_SENDER
    if observation.content_sha256 != request.content_sha256:
        return Cause.OTHER_CONTENT
    if observation.edited:
        return Cause.EDITED
    return Cause.MOVED if observation.moved else None


def _command_tampered(request: ConsentRequest, observation: Observation) -> Cause | None:
    """Whoever consents has read the command above the plan: it must still be the same one."""
    was, now = request.command, observation.command
    if was is None or now is None:
        return None
    if now.gone or now.message_id != was.message_id:
        return Cause.COMMAND_GONE
    same = (now.sender_id, now.content_sha256) == (was.sender_id, was.content_sha256)
    if now.edited or not same:
        return Cause.COMMAND_EDITED
    return Cause.COMMAND_MOVED if now.moved else None


def _is_current(observation: Observation, now: datetime, last_hint_at: datetime | None) -> bool:
    started, ended = observation.fetch_started_at, observation.fetch_ended_at
    # A look that ends before it begins, or in the future, comes from a clock that was set.
    in_order = started <= ended <= now
    after_hint = last_hint_at is None or started > last_hint_at
    return in_order and after_hint and now - started <= OLDEST_OBSERVATION


def _count(request: ConsentRequest, observation: Observation, bot_id: int) -> Verdict:
    may = _listed(request, bot_id)
    yes = (_voters(observation, YES) | observation.spoken) & may
    no = _voters(observation, NO) & may
    # Whoever asked may always take it back.
    stop = no | (_voters(observation, NO) & {request.asker_id} - {bot_id})
    denied = {voter for voter in stop if _is_eligible(observation, voter)}
    consented = {voter for voter in yes if _may_consent(request, observation, voter)}
    if denied:
        return Verdict(State.REJECTED, tuple(sorted(denied)), Cause.DENIED)
    by = tuple(sorted(consented))
    if any(voter not in observation.people for voter in stop):
        # Somebody who counts says no and cannot be read: not the end of it, and no consent either.
        return Verdict(State.WAITING, by, Cause.UNREADABLE)
    if not may or request.needed < 1:
        return Verdict(State.WAITING, (), Cause.NOBODY_MAY)
    if len(consented) >= request.needed:
        return Verdict(State.GRANTED, by, Cause.ENOUGH)
    return Verdict(State.WAITING, by, Cause.TOO_FEW)


def _listed(request: ConsentRequest, bot_id: int) -> frozenset[int]:
    """Whose reaction can count at all; the bot's own never does."""
    listed = request.approvers - {bot_id}
    return listed if request.self_counts else listed - {request.asker_id}


def _voters(observation: Observation, emoji_code: str) -> set[int]:
    return {
        vote.user_id
        for vote in observation.reactions
        if vote.emoji_code == emoji_code and vote.reaction_type == UNICODE_EMOJI
    }


def _may_consent(request: ConsentRequest, observation: Observation, user_id: int) -> bool:
    """Eligible, and no account that was made for it; of the asker's own word that says nothing."""
    if not _is_eligible(observation, user_id):
        return False
    return user_id == request.asker_id or not observation.people[user_id].is_new


def _is_eligible(observation: Observation, user_id: int) -> bool:
    person = observation.people.get(user_id)
    return person is not None and is_eligible(person)


def is_eligible(person: Voter) -> bool:
    """Whether this account's word can count at all."""
    return person.is_human and person.is_active and not person.is_guest
