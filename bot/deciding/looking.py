"""Turns one look at Zulip into what the rules of consent are told."""

from collections.abc import Mapping
from datetime import datetime

from bot.observations import Gone, MessageSeen
from bot.observations import Observation as Look
from bot.reader import content_sha256
from bot.zulip_api.words import Message, Person
from jobs.approvals import command_of
from jobs.consent_rules import (
    YOUNGEST_APPROVER,
    Kind,
    Observation,
    Source,
    SourceSeen,
    Vote,
    Voter,
)
from state.approval_store import Request
from state.job_store import Job


def observation_of(look: Look, request: Request, job: Job, policy_sha256: str) -> Observation:
    """What was seen of the plan, of its voters and of the command, and between which moments."""
    seen = look.seen
    message = seen.message if isinstance(seen, MessageSeen) else None
    others = seen.others if isinstance(seen, MessageSeen) else {}
    people = seen.people if isinstance(seen, MessageSeen) else {}
    return Observation(
        epoch=job.epoch,
        message_id=request.message_id or 0,
        sender_id=message.sender_id if message else 0,
        content_sha256=seen.content_sha256 if isinstance(seen, MessageSeen) else "",
        edited=message.edited if message else False,
        moved=message.moved if message else False,
        reactions=tuple(
            Vote(reaction.user_id, reaction.emoji_code, reaction.reaction_type)
            for reaction in (message.reactions if message else ())
        ),
        people={one: voter(person, look.fetch_started_at) for one, person in people.items()},
        fetch_started_at=look.fetch_started_at,
        fetch_ended_at=look.fetch_ended_at,
        unreadable=message is None and not isinstance(seen, Gone),
        gone=isinstance(seen, Gone),
        command=_command(command_of(job), others),
        spoken=_spoken(request, others),
        policy_sha256=policy_sha256,
    )


def voter(person: Person, at: datetime) -> Voter:
    """What the rules need of an account that was read at that time."""
    return Voter(
        is_human=not person.is_bot,
        is_active=person.is_active,
        is_guest=person.is_guest,
        is_new=at - person.joined_at < YOUNGEST_APPROVER,
    )


def words_of(request: Request) -> dict[int, Source]:
    """The commands `approve` on a request, by message id."""
    found = {}
    for one in request.spoken:
        source = Source(
            int(str(one["message_id"])), int(str(one["user_id"])), str(one["content_sha256"])
        )
        found[source.message_id] = source
    return found


def _command(was: Source | None, others: Mapping[int, Message | None]) -> SourceSeen | None:
    if was is None or was.message_id not in others:
        return None
    return _source_seen(was.message_id, others[was.message_id])


def _source_seen(message_id: int, message: Message | None) -> SourceSeen:
    if message is None:
        return SourceSeen(message_id, 0, "", edited=False, moved=False, gone=True)
    return SourceSeen(
        message_id=message_id,
        sender_id=message.sender_id,
        content_sha256=content_sha256(message.content),
        edited=message.edited,
        moved=message.moved,
    )


def _spoken(request: Request, others: Mapping[int, Message | None]) -> frozenset[int]:
    """Who has said `approve` in a message that still is what it was.

    Of `--yes` the plan message is the command itself, which the rules judge; nothing is added.
    """
    if request.kind == Kind.WORD and request.asker_id is not None:
        return frozenset({request.asker_id})
    return frozenset(
        was.sender_id
        for was in words_of(request).values()
        if was.message_id in others
        and _source_seen(was.message_id, others[was.message_id]) == _unchanged(was)
    )


def _unchanged(was: Source) -> SourceSeen:
    return SourceSeen(was.message_id, was.sender_id, was.content_sha256, edited=False, moved=False)
