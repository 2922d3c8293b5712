"""Decides on consent from one look at the plan message, and from nothing else."""

from dataclasses import dataclass
from datetime import datetime

from bot.deciding.effects import Effect, ReadCard
from bot.deciding.following import Following
from bot.observations import Gone, MessageSeen
from bot.observations import Observation as Look
from bot.zulip_api.words import Message, Person
from handlers.errors import Reason
from jobs import approvals
from jobs.consent_rules import Cause, Observation, State, Verdict, Vote, Voter
from jobs.engine import Engine, LookAgain
from jobs.lifecycle import Status
from state import approval_store, job_store
from state.approval_store import Question
from state.database import Transaction
from state.job_store import Job

CONSENT, START = "consent", "start"
#: A deleted plan can be consented to by nobody.
_DELETED = Verdict(State.VOID, (), Cause.OTHER_MESSAGE)


@dataclass(frozen=True, slots=True)
class Consenting:
    """Every reaction event is only a hint: the message is read again and judged whole."""

    engine: Engine
    following: Following
    bot_id: int

    def hint(self, tx: Transaction, message_id: int, now: datetime) -> tuple[Effect, ...]:
        """Something happened to a message; if it is a plan that waits, have it read."""
        request = approval_store.by_message(tx, message_id)
        if request is None or request.status != "open":
            return ()
        job = job_store.get(tx, request.job_id)
        if job is None or job.status != Status.AWAITING_APPROVAL:
            return ()
        return (self._ask(tx, job, CONSENT, now),)

    def before_start(self, tx: Transaction, again: LookAgain, now: datetime) -> Effect:
        """A queued job's consent was seen too long ago: ask once more."""
        return self._ask(tx, again.job, START, now)

    def read_all_again(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """After a gap nobody tells of reactions: every plan that waits is read."""
        return tuple(
            effect
            for request in approval_store.open_requests(tx)
            if request.message_id is not None
            for effect in self.hint(tx, request.message_id, now)
        )

    def _ask(self, tx: Transaction, job: Job, purpose: str, now: datetime) -> ReadCard:
        assert job.card_message_id is not None
        people = [job.asker_id] if job.asker_id is not None else []
        question = approval_store.ask(
            tx,
            job_id=job.id,
            message_id=job.card_message_id,
            people=people,
            purpose=purpose,
            at=now,
        )
        return ReadCard(question.id, job.id, job.card_message_id, tuple(people))

    def observed(self, tx: Transaction, question_id: int, look: Look, now: datetime) -> int | None:
        """Decide from one observation; gives the job that may now start, if one may."""
        question = approval_store.answer(tx, question_id, at=now)
        job = job_store.get(tx, question.job_id) if question and question.job_id else None
        if question is None or job is None or job.plan is None:
            return None
        if isinstance(look.seen, Gone):
            self._end(tx, job, _DELETED, now)
            return None
        observation = _translated(question, job, look)
        verdict = approvals.decide(job, job.plan, observation, now, self.bot_id)
        if question.purpose == START and job.status == Status.QUEUED:
            return self._judge_start(tx, job, verdict, now)
        if question.purpose == CONSENT and job.status == Status.AWAITING_APPROVAL:
            self._judge_request(tx, job, verdict, now)
        return None

    def _judge_request(self, tx: Transaction, job: Job, verdict: Verdict, now: datetime) -> None:
        if verdict.state is State.GRANTED:
            granted = self.engine.grant(tx, job, verdict.by, now)
            self.following.tell_waiting(tx, granted, now)
        elif verdict.state is not State.WAITING:
            self._end(tx, job, verdict, now)

    def _judge_start(
        self, tx: Transaction, job: Job, verdict: Verdict, now: datetime
    ) -> int | None:
        if verdict.state is State.GRANTED:
            return job.id
        if verdict.state is State.WAITING and verdict.reason is Cause.TOO_FEW:
            sentence = "The ✅ was taken back before the job started, so nothing was done."
            ended = self.engine.close(tx, job, Status.CANCELLED, Reason.CANCELLED, sentence, now)
            self.following.finish(tx, ended, now)
        elif verdict.state is not State.WAITING:
            self._end(tx, job, verdict, now)
        return None

    def _end(self, tx: Transaction, job: Job, verdict: Verdict, now: datetime) -> None:
        if verdict.state is State.EXPIRED:
            ended = self.engine.expire(tx, job, now)
        elif verdict.state is State.REJECTED:
            status = Status.REJECTED if job.status != Status.QUEUED else Status.CANCELLED
            sentence = "It was rejected with ❌, so nothing was done."
            ended = self.engine.close(tx, job, status, Reason.REJECTED, sentence, now)
        else:
            sentence = (
                "The plan message is no longer what was posted "
                f"({verdict.reason.value.replace('_', ' ')}), so nothing was done."
            )
            ended = self.engine.close(tx, job, Status.STALE, Reason.PLAN_CHANGED, sentence, now)
        self.following.finish(tx, ended, now)


def _translated(question: Question, job: Job, look: Look) -> Observation:
    seen = look.seen
    message: Message | None = seen.message if isinstance(seen, MessageSeen) else None
    people = seen.people if isinstance(seen, MessageSeen) else {}
    return Observation(
        epoch=job.epoch,
        message_id=question.message_id or 0,
        sender_id=message.sender_id if message else 0,
        content_sha256=seen.content_sha256 if isinstance(seen, MessageSeen) else "",
        edited=message.edited if message else False,
        moved=message.moved if message else False,
        reactions=tuple(
            Vote(reaction.user_id, reaction.emoji_code, reaction.reaction_type)
            for reaction in (message.reactions if message else ())
        ),
        people={user_id: voter(person) for user_id, person in people.items()},
        fetch_started_at=look.fetch_started_at,
        fetch_ended_at=look.fetch_ended_at,
        unreadable=message is None,
    )


def voter(person: Person) -> Voter:
    """What the rules need of an account."""
    return Voter(is_human=not person.is_bot, is_active=person.is_active, is_guest=person.is_guest)
