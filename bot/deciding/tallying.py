"""Says once what each vote came to: counted, taken back, or not counted and why."""

from dataclasses import dataclass
from datetime import datetime

from bot.deciding.looking import voter
from bot.deciding.outgoing import Outgoing
from bot.observations import MessageSeen
from bot.observations import Observation as Look
from bot.replies.consent import VoteCounted, VoteIgnored, VoteTakenBack
from bot.replies.reply import Reply
from bot.zulip_api.words import CHECK
from jobs.consent_rules import Kind, State, Verdict, Voter, is_eligible
from state import approval_store
from state.approval_store import Request
from state.database import Transaction
from state.job_store import Job

#: A crowd that reacts for fun is not answered one by one.
MOST_IGNORED = 3


@dataclass(frozen=True, slots=True)
class Tallying:
    """The card is never edited, so each change of the count is a message of its own."""

    outgoing: Outgoing
    bot_id: int

    def count(
        self,
        tx: Transaction,
        job: Job,
        request: Request,
        verdict: Verdict,
        look: Look,
        now: datetime,
    ) -> None:
        """Tell what is new since the last look, and remember that it was told."""
        counted = set(request.told.get("counted", ()))
        ignored = dict(_ignored(request, look, self.bot_id))
        fresh = sorted(set(ignored) - set(request.told.get("ignored", ())))
        for reply in _changes(job, request, verdict, counted):
            self.outgoing.post(tx, job, reply, now)
        room = MOST_IGNORED - len(request.told.get("ignored", ()))
        for user_id in fresh[: max(0, room)]:
            self.outgoing.post(tx, job, VoteIgnored(job.id, user_id, ignored[user_id]), now)
        known = sorted({*request.told.get("ignored", ()), *fresh})
        told = {"counted": sorted(verdict.by), "ignored": known}
        if told != request.told:
            approval_store.tell(tx, job.id, told)


def can_count(request: Request, user_id: int) -> bool:
    """Whether this person's reaction can change what the request comes to."""
    return user_id in request.approvers or user_id == request.asker_id


def is_to_be_told(request: Request, user_id: int) -> bool:
    """Whether this person has yet to hear that they do not count."""
    told = request.told.get("ignored", ())
    return user_id not in told and len(told) < MOST_IGNORED


def _changes(job: Job, request: Request, verdict: Verdict, counted: set[int]) -> list[Reply]:
    have, needed = len(verdict.by), request.needed
    back, new = sorted(counted - set(verdict.by)), sorted(set(verdict.by) - counted)
    replies: list[Reply] = []
    if back:
        replies.append(VoteTakenBack(job.id, back, have, needed))
    if new and request.kind == Kind.APPROVAL and verdict.state is not State.GRANTED:
        replies.append(VoteCounted(job.id, new, have, needed))
    return replies


def _ignored(request: Request, look: Look, bot_id: int) -> list[tuple[int, str]]:
    """Who reacted with ✅ or ❌ without its counting, each with the reason."""
    seen = look.seen
    if not isinstance(seen, MessageSeen):
        return []
    found = []
    for reaction in seen.message.reactions:
        if reaction.user_id == bot_id or not reaction.is_vote:
            continue
        person = seen.people.get(reaction.user_id)
        account = None if person is None else voter(person, look.fetch_started_at)
        why = _why_ignored(request, reaction.user_id, account, says_yes=reaction.is_emoji(CHECK))
        if why is not None:
            found.append((reaction.user_id, why))
    return found


def _why_ignored(
    request: Request, user_id: int, account: Voter | None, *, says_yes: bool
) -> str | None:
    """An account that could not be read is looked at again, and not told of."""
    is_asker = user_id == request.asker_id
    if is_asker and not request.self_counts:
        return "asker" if says_yes else None
    if user_id not in request.approvers:
        return "unlisted"
    if account is None:
        return None
    if not is_eligible(account):
        return "account"
    return "new" if account.is_new and says_yes and not is_asker else None
