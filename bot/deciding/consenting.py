"""Decides on consent from one look at the plan message, and from nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.deciding.effects import Effect, ReadCard
from bot.deciding.following import Following
from bot.deciding.looking import observation_of, words_of
from bot.deciding.tallying import Tallying, can_count, is_to_be_told
from bot.observations import MessageSeen
from bot.observations import Observation as Look
from bot.replies.consent import ConsentArmed, ConsentGiven, void_sentence
from bot.replies.wording import code, listing, plain
from bot.vigilance import own_account
from handlers.errors import Reason
from jobs import approvals
from jobs.approvals import ARMED, CONSENT, START
from jobs.consent_rules import Cause, Kind, State, Verdict
from jobs.engine import Consent, Engine, LookAgain
from jobs.lifecycle import Status
from jobs.runs.crashpoints import crashpoint
from state import anchors, approval_store, inbox, job_store
from state.approval_store import Request
from state.database import Transaction
from state.job_store import Job

#: Where another look may come to something else.
_WAITS = frozenset({Status.AWAITING_APPROVAL, Status.ARMING, Status.QUEUED})
_STALE = {
    Cause.OTHER_POLICY: Reason.POLICY_CHANGED,
    Cause.OTHER_EPOCH: Reason.EPOCH_CHANGED,
}
_LOOK_AGAIN = frozenset({Cause.UNREADABLE, Cause.OUTDATED})


@dataclass(frozen=True, slots=True)
class Consenting:
    """Every reaction event is only a hint: the message is read again and judged whole."""

    engine: Engine
    following: Following
    bot_id: int
    #: Of the policy in force at this moment.
    policy_sha256: Callable[[], str]
    #: Jobs whose plan is to be read once more, for somebody who is to hear that they do not count.
    strangers: set[int] = field(default_factory=set)

    def hint(self, tx: Transaction, message_id: int, now: datetime) -> tuple[Effect, ...]:
        """Something happened to a message; if consent hangs on it, have all of it read."""
        return tuple(self._ask(tx, job, request, now) for job, request in self._on(tx, message_id))

    def reacted(
        self, tx: Transaction, message_id: int, user_id: int, now: datetime
    ) -> tuple[Effect, ...]:
        """Somebody gave or took back ✅ or ❌: a hint, where it is on a plan and may count."""
        request = approval_store.by_message(tx, message_id)
        if request is None:
            return ()
        counts = can_count(request, user_id)
        if not counts and not is_to_be_told(request, user_id):
            return ()
        job = job_store.get(tx, request.job_id)
        if job is None or not _may_be_asked(job, request):
            return ()
        if not counts:
            return self._look_for_stranger(tx, job, request, now)
        return (self._ask(tx, job, request, now),)

    def _look_for_stranger(
        self, tx: Transaction, job: Job, request: Request, now: datetime
    ) -> tuple[Effect, ...]:
        """Behind the look that is under way: else a crowd that plays with a plan could put off for
        ever what those who count have said."""
        if approval_store.has_open_question(tx, job.id):
            self.strangers.add(job.id)
            return ()
        return (self._ask(tx, job, request, now),)

    def _on(self, tx: Transaction, message_id: int) -> list[tuple[Job, Request]]:
        """The jobs that wait and hang on this message: as plan, as command, or as a word."""
        numbers = set()
        if (request := approval_store.by_message(tx, message_id)) is not None:
            numbers.add(request.job_id)
        entry = inbox.by_message(tx, self.engine.epoch, message_id)
        if entry is not None and entry.job_id is not None:
            numbers.add(entry.job_id)
        numbers |= {one.job_id for one in approval_store.pending(tx) if message_id in words_of(one)}
        found = []
        for number in sorted(numbers):
            job, request = job_store.get(tx, number), approval_store.get(tx, number)
            if job is not None and request is not None and _may_be_asked(job, request):
                found.append((job, request))
        return found

    def voted(self, tx: Transaction, job_id: int, now: datetime) -> tuple[Effect, ...]:
        """Somebody said `approve`: like a reaction, a hint and no more."""
        request = approval_store.get(tx, job_id)
        if request is None or request.message_id is None:
            return ()
        return self.hint(tx, request.message_id, now)

    def rejected(
        self, tx: Transaction, job_id: int, by: str, reason: str | None, now: datetime
    ) -> None:
        """Somebody whose word counts said `reject`; they were read for this very command."""
        job = job_store.get(tx, job_id)
        if job is None or job.status not in _WAITS:
            return
        why = f": {code(reason)}" if reason else ""
        sentence = f"{plain(by)} rejected it{why}. Nothing was done."
        self.following.finish(tx, self.engine.reject(tx, job, sentence, now), now)

    def before_start(self, tx: Transaction, again: LookAgain, now: datetime) -> Effect:
        """A queued job's consent was seen too long ago: ask once more."""
        request = approval_store.get(tx, again.job.id)
        assert request is not None
        return self._ask(tx, again.job, request, now)

    def read_all_again(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """After a gap nobody tells of reactions: every plan that waits is read."""
        effects = []
        for request in approval_store.pending(tx):
            job = job_store.get(tx, request.job_id)
            if job is not None and _may_be_asked(job, request):
                effects.append(self._ask(tx, job, request, now))
        return tuple(effects)

    def armed_are_due(self, tx: Transaction, now: datetime) -> tuple[Effect, ...]:
        """Jobs whose arming delay is over are read once more before they are queued."""
        effects = []
        for job in job_store.in_status(tx, Status.ARMING):
            request = approval_store.get(tx, job.id)
            if request is None or request.armed_until is None or request.armed_until > now:
                continue
            if not approval_store.has_open_question(tx, job.id):
                crashpoint("arming_over")
                effects.append(self._ask(tx, job, request, now))
        return tuple(effects)

    def _ask(self, tx: Transaction, job: Job, request: Request, now: datetime) -> ReadCard:
        assert request.message_id is not None
        purposes = {Status.ARMING: ARMED, Status.QUEUED: START}
        words = words_of(request)
        voters = frozenset({*request.approvers, request.asker_id or 0})
        speakers = {one.sender_id for one in words.values()}
        others = set(words)
        command = approvals.command_of(job)
        if request.kind == Kind.WORD:
            speakers |= set(request.approvers)
        elif command is not None:
            others.add(command.message_id)
        question = approval_store.ask(
            tx,
            job_id=job.id,
            message_id=request.message_id,
            people=sorted(voters),
            purpose=purposes.get(Status(job.status), CONSENT),
            at=now,
        )
        crashpoint("question_recorded")
        return ReadCard(
            question.id,
            job.id,
            request.message_id,
            voters,
            frozenset(speakers),
            frozenset(others),
        )

    def observed(
        self, tx: Transaction, question_id: int, look: Look, now: datetime
    ) -> tuple[int | None, tuple[Effect, ...]]:
        """Decide from one observation: the job that may now start, if one may, and what follows."""
        question = approval_store.answer(tx, question_id, at=now)
        if question is None or question.job_id is None:
            return None, ()
        crashpoint("answer_recorded")
        _take_places(tx, look)
        job = job_store.get(tx, question.job_id)
        request = approval_store.get(tx, question.job_id)
        if job is None or request is None or not _may_be_asked(job, request):
            return None, ()
        observation = observation_of(look, request, job, self.policy_sha256())
        verdict = approvals.decide(request, job, observation, now, self.bot_id)
        if verdict.state is State.WAITING and verdict.reason in _LOOK_AGAIN:
            # The hint was used up and nothing is known: without another look it would be lost.
            return None, (self._ask(tx, job, request, now),)
        may_start = self._carry_out(tx, job, request, verdict, look, now)
        alarmed = self._alarmed(tx, request, verdict, look, now)
        return may_start, (*alarmed, *self._once_more(tx, job.id, now))

    def _once_more(self, tx: Transaction, job_id: int, now: datetime) -> tuple[Effect, ...]:
        """For a stranger who reacted while the look was under way."""
        if job_id not in self.strangers:
            return ()
        self.strangers.discard(job_id)
        job, request = job_store.get(tx, job_id), approval_store.get(tx, job_id)
        if job is None or request is None or job.status != Status.AWAITING_APPROVAL:
            return ()
        return (self._ask(tx, job, request, now),)

    def _carry_out(
        self,
        tx: Transaction,
        job: Job,
        request: Request,
        verdict: Verdict,
        look: Look,
        now: datetime,
    ) -> int | None:
        if verdict.state in {State.VOID, State.REJECTED, State.EXPIRED}:
            self._end(tx, job, verdict, look, now)
            return None
        granted = verdict.state is State.GRANTED
        match Status(job.status):
            case Status.AWAITING_APPROVAL:
                self._tallying.count(tx, job, request, verdict, look, now)
                if granted:
                    self._granted(tx, job, request, verdict, now)
            case Status.ARMING if granted:
                if request.armed_until is not None and now >= request.armed_until:
                    self._queue(tx, job, request, verdict, now)
            case Status.QUEUED if granted:
                return job.id
            case _:
                self._withdrawn(tx, job, now)
        return None

    def _alarmed(
        self, tx: Transaction, request: Request, verdict: Verdict, look: Look, now: datetime
    ) -> tuple[Effect, ...]:
        """Zulip lets nobody but its sender change a message, and the bot never changes a plan."""
        is_void = verdict.state is State.VOID and request.kind != Kind.WORD
        if not is_void or not _is_rewritten(verdict, look) or request.message_id is None:
            return ()
        return own_account.alarm(tx, self.following, "plan", [request.message_id], now)

    @property
    def _tallying(self) -> Tallying:
        return Tallying(self.following.outgoing, self.bot_id)

    def _granted(
        self, tx: Transaction, job: Job, request: Request, verdict: Verdict, now: datetime
    ) -> None:
        if not request.arming_seconds:
            self._queue(tx, job, request, verdict, now)
            return
        until = now + timedelta(seconds=request.arming_seconds)
        armed = self.engine.arm(tx, job, verdict.by, until, now)
        told = ConsentArmed(job.id, list(verdict.by), until.isoformat())
        self.following.outgoing.post(tx, armed, told, now)

    def _queue(
        self, tx: Transaction, job: Job, request: Request, verdict: Verdict, now: datetime
    ) -> None:
        granted = self.engine.grant(tx, job, verdict.by, now)
        if request.kind == Kind.APPROVAL:
            self.following.outgoing.post(tx, granted, ConsentGiven(job.id, list(verdict.by)), now)
        self.following.tell_waiting(tx, granted, now)

    def _withdrawn(self, tx: Transaction, job: Job, now: datetime) -> None:
        sentence = "The ✅ was taken back before the job started, so nothing was done."
        ended = self.engine.close(tx, job, Status.CANCELLED, Reason.WITHDRAWN, sentence, now)
        self.following.finish(tx, ended, now)

    def _end(self, tx: Transaction, job: Job, verdict: Verdict, look: Look, now: datetime) -> None:
        if verdict.state is State.EXPIRED:
            ended = self.engine.expire(tx, job, now)
        elif verdict.state is State.REJECTED:
            sentence = f"{_names(verdict.by, look)} rejected it with ❌, so nothing was done."
            ended = self.engine.reject(tx, job, sentence, now)
        else:
            sentence = void_sentence(verdict.reason.value)
            reason = _STALE.get(verdict.reason, Reason.MESSAGE_CHANGED)
            ended = self.engine.close(tx, job, Status.STALE, reason, sentence, now)
        self.following.finish(tx, ended, now)


def _take_places(tx: Transaction, look: Look) -> None:
    """A look may see that the messages were moved before that event is handled, and what follows
    from it is to be said where they lie now."""
    if not isinstance(look.seen, MessageSeen):
        return
    for message in (look.seen.message, *look.seen.others.values()):
        if message is not None and message.channel_id is not None:
            anchors.see(tx, message.id, message.channel_id, message.topic, look.fetch_started_at)


def _may_be_asked(job: Job, request: Request) -> bool:
    return (
        job.status in _WAITS
        and request.status in {"open", "latched"}
        and request.message_id is not None
        and job.consent in {Consent.REACTION, Consent.YES}
    )


def _is_rewritten(verdict: Verdict, look: Look) -> bool:
    """Whether the plan is for certain not what was posted, or was not for a while: up to Zulip 10 a
    message that was moved looks edited too, where the history of edits is hidden."""
    if verdict.reason is Cause.OTHER_CONTENT:
        return True
    seen = look.seen
    changes = seen.message.changes if isinstance(seen, MessageSeen) else ()
    return verdict.reason is Cause.EDITED and any(one.content_changed for one in changes)


def _names(user_ids: tuple[int, ...], look: Look) -> str:
    # Only who was read counts, so everybody here was.
    assert isinstance(look.seen, MessageSeen)
    return listing([plain(look.seen.people[one].name) for one in user_ids])
