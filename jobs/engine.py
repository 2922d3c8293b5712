"""Moves jobs through their life: what is claimed, what starts, what becomes of a result."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Unpack

from handlers.contract import JSON, Declaration, Effect
from handlers.errors import Reason
from handlers.host.settings import (
    ContentSettings,
    HostSettings,
    KeySettings,
    RetentionSettings,
    StoreSettings,
)
from handlers.registry import DECLARATIONS, declaration
from jobs import approvals, waiting
from jobs.configuration import Policy
from jobs.consent_rules import Kind
from jobs.consent_terms import terms_of, waiting_time
from jobs.journal import Consent as ConsentOnCard
from jobs.journal import RunResult, RunSpec
from jobs.lifecycle import FINAL, HOLDS_HOST, Status, may_move
from jobs.runs.crashpoints import crashpoint
from jobs.specs import Place, spec_of
from jobs.waiting import Wait
from state import approval_store, job_store, run_store
from state.database import Transaction
from state.job_store import Changes, Job, NewJob
from state.run_store import Run


class Consent(StrEnum):
    """How a job comes by its consent; stored, never renamed."""

    REACTION = "reaction"
    YES = "yes"
    SCHEDULE = "schedule"
    ROOT = "root"
    BREAK_GLASS = "break_glass"
    NONE = "none"


#: These hang on messages and people in Zulip, which are looked at again before the start.
_FROM_ZULIP = frozenset({Consent.REACTION.value, Consent.YES.value})
#: And these have a request, whose consent is used once.
_LATCHED = _FROM_ZULIP | {Consent.BREAK_GLASS.value}


#: What does not touch the server waits for nobody, and nobody for it.
_OFF_HOST = frozenset(one.name for one in DECLARATIONS if not one.touches_host)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that is understood and permitted, about to become a job."""

    #: With the effect that this very command has.
    declaration: Declaration
    arguments: Mapping[str, JSON]
    command: str
    origin: str
    asker_id: int | None
    asker_name: str
    message_id: int | None
    message_sha256: str | None
    inbox_id: int | None
    consent: Consent
    caught_up: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """A run that is intended in the database and has to be started once that is committed."""

    job: Job
    run: Run
    spec: RunSpec


@dataclass(frozen=True, slots=True)
class LookAgain:
    """A queued job whose consent was seen too long ago; it is read afresh before it starts."""

    job: Job


@dataclass(frozen=True, slots=True)
class Engine:
    """Every method works inside the caller's transaction and starts nothing itself."""

    epoch: int
    host_id: str
    host: HostSettings
    stores: tuple[StoreSettings, ...]
    policy: Policy
    keys: KeySettings = KeySettings()
    contents: ContentSettings = ContentSettings()
    retention: RetentionSettings | None = None

    def accept(self, tx: Transaction, asked: Asked, now: datetime) -> Start:
        """A new job in planning, with its plan run intended."""
        effect = asked.declaration.effect
        job = job_store.create(
            tx,
            NewJob(
                epoch=self.epoch,
                operation=asked.declaration.name,
                arguments=dict(asked.arguments),
                command=asked.command,
                effect=effect.value,
                status=Status.PLANNING.value,
                origin=asked.origin,
                asker_id=asked.asker_id,
                asker_name=asked.asker_name,
                command_message_id=asked.message_id,
                command_sha256=asked.message_sha256,
                inbox_id=asked.inbox_id,
                consent=asked.consent.value,
                nonce=secrets.token_hex(16),
                # What does not wait for people in Zulip waits for its turn as long as it takes.
                expires_at=self._good_until(asked.declaration, now)
                if asked.consent in _FROM_ZULIP
                else None,
                caught_up=asked.caught_up,
                created_at=now,
            ),
            actor=actor(asked.origin, asked.asker_id, asked.asker_name),
        )
        return self._intend(tx, job, "plan", now)

    def _good_until(self, declaration: Declaration, now: datetime) -> datetime:
        if not declaration.touches_host:
            return now + waiting_time(self.policy, declaration.effect)
        return waiting.good_until(self.policy, declaration.effect, now)

    def _intend(self, tx: Transaction, job: Job, mode: str, now: datetime) -> Start:
        run = run_store.intend_run(tx, job.id, mode, now)
        return Start(job, run, self.spec(tx, job, run, now))

    def spec(self, tx: Transaction, job: Job, run: Run, now: datetime) -> RunSpec:
        """What a runner is told; the privileged side writes it to the run folder."""
        place = Place(
            self.host_id, self.host, self.stores, self.keys, self.contents, self.retention
        )
        return spec_of(tx, job, run, self._consent_on_card(job), place, now)

    def _consent_on_card(self, job: Job) -> ConsentOnCard:
        """What the plan card says about who may consent, and how."""
        if job.consent != Consent.REACTION or job.asker_id is None:
            return ConsentOnCard(needed=0)
        terms = terms_of(self.policy, Effect(job.effect), job.asker_id)
        return ConsentOnCard(
            needed=terms.needed,
            people=tuple(sorted(terms.approvers)),
            asker_confirms=terms.kind is Kind.CONFIRMATION,
            asker_counts=terms.self_counts,
            arming_seconds=int(terms.arming.total_seconds()),
            windows=waiting.windows_of(self.policy, Effect(job.effect))
            if _changes_host(job)
            else (),
        )

    def take_plan(self, tx: Transaction, job: Job, result: RunResult, now: datetime) -> Job:
        """What a plan run brought: the job waits for consent, is queued, or has failed."""
        if job.cancelling or result.status == "cancelled":
            return self._end(tx, job, Status.CANCELLED, result, now)
        if result.status != "planned" or result.plan is None:
            return self._end(tx, job, Status.FAILED, result, now)
        unmet = [check.sentence for check in result.plan.preconditions if not check.holds]
        if unmet:
            return self._fail_preflight(tx, job, unmet, now)
        plan = {"plan": result.plan_as_json(), "card_sha256": result.card_sha256}
        job_store.change(tx, job.id, plan=plan, fingerprint=result.fingerprint)
        if job.consent == Consent.REACTION:
            approvals.ask(tx, job, result.fingerprint or "", self.policy)
            return self._move(tx, job, Status.AWAITING_APPROVAL, now)
        if job.consent == Consent.YES:
            approvals.ask_by_word(tx, job, result.fingerprint or "", self.policy)
            self._latch(tx, job, (job.asker_id or 0,), now)
        return self._move(tx, job, Status.QUEUED, now, queued_at=now)

    def _fail_preflight(self, tx: Transaction, job: Job, unmet: list[str], now: datetime) -> Job:
        return self._move(
            tx,
            job,
            Status.FAILED,
            now,
            ended_at=now,
            reason=Reason.PREFLIGHT_FAILED.value,
            sentence=" ".join(unmet),
            outcome={"state": "Nothing was changed."},
        )

    def claim(
        self, tx: Transaction, now: datetime, *, reread: int | None = None
    ) -> Start | LookAgain | None:
        """The next job that may start, moved to running; the oldest first, one at a time.

        `reread` is a job whose consent was read again just now and still holds.
        """
        held = any(_changes_host(job) for job in job_store.in_status(tx, *sorted(HOLDS_HOST)))
        for job in job_store.in_status(tx, Status.QUEUED):
            if held and _changes_host(job):
                continue
            if _is_over(job, now) or self.waits(tx, job, now) is not None:
                continue
            if job.consent in _FROM_ZULIP and job.id != reread:
                if approval_store.has_open_question(tx, job.id):
                    continue  # Something happened to it, and nobody has looked yet.
                if not approvals.is_fresh(tx, job, now):
                    return LookAgain(job)
            if not self._consume(tx, job, now):
                continue
            moved = self._move(tx, job, Status.RUNNING, now, started_at=now)
            start = self._intend(tx, moved, "run", now)
            crashpoint("run_claimed")
            return start
        return None

    def _consume(self, tx: Transaction, job: Job, now: datetime) -> bool:
        """Consent is used once, by the transaction that starts the run."""
        if job.consent not in _LATCHED:
            return True
        mark = job.fingerprint or ""
        consumed = approval_store.consume(tx, job.id, mark, actor="zulip-ops", at=now)
        crashpoint("consent_consumed")
        return consumed

    def waits(self, tx: Transaction, job: Job, now: datetime) -> Wait | None:
        """The hold or the window that keeps a job waiting."""
        return waits(tx, job, self.policy, now)

    def blocked_by(self, tx: Transaction, job: Job) -> Job | None:
        """The job that keeps this one waiting."""
        if not _changes_host(job):
            return None
        for other in job_store.in_status(tx, *sorted(HOLDS_HOST)):
            if other.id != job.id and _changes_host(other):
                return other
        return None

    def take_result(self, tx: Transaction, job: Job, result: RunResult, now: datetime) -> Job:
        """What a run brought."""
        ends = {
            "succeeded": Status.SUCCEEDED,
            "failed": Status.FAILED,
            "cancelled": Status.CANCELLED,
            "stale": Status.STALE,
        }
        return self._end(tx, job, ends.get(result.status, Status.FAILED), result, now)

    def lose(
        self, tx: Transaction, job: Job, sentence: str, now: datetime, *, begun: bool = True
    ) -> Job:
        """A run ended without a result. What can be proven harmless has failed, above all what was
        never begun; the rest waits for a person, and keeps the host's lock."""
        operation = declaration(job.operation)
        harmless = job.status == Status.PLANNING or not operation.changes_host
        proven = harmless or operation.leaves_nothing or not begun
        to = Status.FAILED if proven else Status.INTERRUPTED
        if job.cancelling and proven:
            to = Status.CANCELLED
        return self._move(
            tx,
            job,
            to,
            now,
            ended_at=now if to in FINAL else None,
            reason=Reason.CANCELLED.value if job.cancelling else Reason.RUN_LOST.value,
            sentence=sentence,
            outcome=None if begun else {"state": "Nothing was changed."},
        )

    def fail(self, tx: Transaction, job: Job, reason: Reason, sentence: str, now: datetime) -> Job:
        """A job that could not be started."""
        return self._move(
            tx, job, Status.FAILED, now, ended_at=now, reason=reason.value, sentence=sentence
        )

    def close(
        self, tx: Transaction, job: Job, to: Status, reason: Reason, sentence: str, now: datetime
    ) -> Job:
        """End a job that waits for consent or for its turn."""
        approval_store.close(tx, job.id, actor="zulip-ops", at=now)
        return self._move(tx, job, to, now, ended_at=now, reason=reason.value, sentence=sentence)

    def reject(self, tx: Transaction, job: Job, sentence: str, now: datetime) -> Job:
        """Somebody who counts said no; what was queued already is called cancelled."""
        to = Status.CANCELLED if job.status == Status.QUEUED else Status.REJECTED
        return self.close(tx, job, to, Reason.REJECTED, sentence, now)

    def expire(self, tx: Transaction, job: Job, now: datetime) -> Job:
        sentence = "Nobody consented in time, so nothing was done."
        if job.status != Status.AWAITING_APPROVAL:
            sentence = "Its plan was too old when its turn came, so nothing was done."
        expired = self.close(tx, job, Status.EXPIRED, Reason.EXPIRED, sentence, now)
        crashpoint("expired")
        return expired

    def arm(
        self, tx: Transaction, job: Job, by: tuple[int, ...], until: datetime, now: datetime
    ) -> Job:
        """There is enough consent; until then ❌ still stops it."""
        armed = approval_store.arm(tx, job.id, list(by), until, at=now)
        assert armed, f"consent to job {job.id} was no longer open"
        crashpoint("consent_armed")
        return self._move(tx, job, Status.ARMING, now)

    def grant(self, tx: Transaction, job: Job, by: tuple[int, ...], now: datetime) -> Job:
        """Consent is latched in the transaction that queues the job."""
        self._latch(tx, job, by, now)
        return self._move(tx, job, Status.QUEUED, now, queued_at=now)

    def _latch(self, tx: Transaction, job: Job, by: tuple[int, ...], now: datetime) -> None:
        current = _again(tx, job)
        latched = approval_store.latch(
            tx, job.id, current.fingerprint or "", list(by), actor=f"user:{by[0]}", at=now
        )
        assert latched, f"consent to job {job.id} was no longer open"
        crashpoint("consent_latched")

    def cancel(self, tx: Transaction, job: Job, by: str, now: datetime) -> Job:
        """A waiting job ends at once; for one with a run under way, the run has to be ended."""
        if any(run.job_id == job.id for run in run_store.open_runs(tx)):
            job_store.change(tx, job.id, cancelling=True, cancelled_by=by)
            return _again(tx, job)
        sentence = f"{by} cancelled it before it had started."
        return self.close(tx, job, Status.CANCELLED, Reason.CANCELLED, sentence, now)

    def _end(self, tx: Transaction, job: Job, to: Status, result: RunResult, now: datetime) -> Job:
        return self._move(
            tx,
            job,
            to,
            now,
            ended_at=now,
            reason=result.reason,
            sentence=result.sentence,
            outcome={
                "facts": dict(result.facts),
                "state": result.state,
                "hint": result.hint,
                "next": result.next,
                "tail": result.tail,
            },
        )

    def _move(
        self, tx: Transaction, job: Job, to: Status, now: datetime, **changes: Unpack[Changes]
    ) -> Job:
        from_ = Status(job.status)
        assert may_move(from_, to), f"{from_} -> {to}"
        moved = job_store.move(tx, job.id, from_, to, actor="zulip-ops", at=now, **changes)
        assert moved, f"job {job.id} was no longer {from_}"
        return _again(tx, job)


def _is_over(job: Job, now: datetime) -> bool:
    """Its plan is too old; the next tick ends and tells it."""
    return job.expires_at is not None and job.expires_at <= now


def waits(tx: Transaction, job: Job, policy: Policy, now: datetime) -> Wait | None:
    """The hold or the window that keeps a job waiting; root on the host waits for neither."""
    if job.consent == Consent.ROOT or not _changes_host(job):
        return None
    return waiting.why_wait(tx, Effect(job.effect), policy, now)


def actor(origin: str, asker_id: int | None, asker_name: str) -> str:
    """How the audit log calls whoever asked."""
    return f"{origin}:{asker_id}" if asker_id is not None else f"{origin}:{asker_name}"


def _again(tx: Transaction, job: Job) -> Job:
    found = job_store.get(tx, job.id)
    assert found is not None
    return found


def _changes_host(job: Job) -> bool:
    return job.effect != Effect.READ and job.operation not in _OFF_HOST
