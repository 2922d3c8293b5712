"""Requests for consent, as rows: until when, by whom, for exactly which plan."""

from datetime import datetime

from handlers.contract import Effect
from jobs.configuration import Policy
from jobs.consent_rules import (
    OLDEST_OBSERVATION,
    ConsentRequest,
    Kind,
    Observation,
    Source,
    Verdict,
    judge,
)
from jobs.consent_terms import policy_sha256, terms_of
from state import approval_store
from state.approval_store import NewRequest, Request
from state.database import Transaction
from state.job_store import Job

#: What a look at the plan message is for; stored with the question, never renamed.
CONSENT, ARMED, START = "consent", "armed", "start"


def ask(tx: Transaction, job: Job, fingerprint: str, policy: Policy) -> Request:
    """Ask for consent to this plan, on the terms that the policy sets at this moment."""
    assert job.expires_at is not None
    assert job.asker_id is not None
    terms = terms_of(policy, Effect(job.effect), job.asker_id)
    return approval_store.create(
        tx,
        NewRequest(
            job_id=job.id,
            fingerprint=fingerprint,
            kind=terms.kind.value,
            asker_id=job.asker_id,
            approvers=sorted(terms.approvers),
            self_counts=terms.self_counts,
            needed=terms.needed,
            arming_seconds=int(terms.arming.total_seconds()),
            policy_sha256=policy_sha256(policy),
            expires_at=job.expires_at,
        ),
    )


def ask_by_word(tx: Transaction, job: Job, fingerprint: str, policy: Policy) -> Request:
    """`--yes` was the asker's second yes already; before the start its message is read again."""
    assert job.expires_at is not None
    assert job.asker_id is not None
    return approval_store.create(
        tx,
        NewRequest(
            job_id=job.id,
            fingerprint=fingerprint,
            kind=Kind.WORD.value,
            asker_id=job.asker_id,
            approvers=[job.asker_id],
            self_counts=True,
            needed=1,
            policy_sha256=policy_sha256(policy),
            expires_at=job.expires_at,
            message_id=job.command_message_id,
        ),
    )


def decide(
    request: Request, job: Job, observation: Observation, now: datetime, bot_id: int
) -> Verdict:
    """What one look comes to, for this very plan."""
    assert job.plan is not None
    assert request.asker_id is not None
    by_word = Kind(request.kind) is Kind.WORD
    wanted = ConsentRequest(
        asker_id=request.asker_id,
        approvers=frozenset(request.approvers),
        needed=request.needed,
        self_counts=request.self_counts,
        plan_message_id=request.message_id or 0,
        content_sha256=str(job.command_sha256 if by_word else job.plan["card_sha256"]),
        sender_id=request.asker_id if by_word else None,
        expires_at=request.expires_at,
        epoch=job.epoch,
        command=None if by_word else command_of(job),
        policy_sha256=request.policy_sha256,
    )
    return judge(wanted, observation, now, bot_id)


def command_of(job: Job) -> Source | None:
    """The message that the job came from, as it was."""
    if job.command_message_id is None or job.command_sha256 is None or job.asker_id is None:
        return None
    return Source(job.command_message_id, job.asker_id, job.command_sha256)


def is_fresh(tx: Transaction, job: Job, now: datetime) -> bool:
    """Whether consent was seen so recently that it need not be read again before the start.

    `--yes` never was: it is latched with the plan, and whoever typed it was read before that.
    """
    request = approval_store.get(tx, job.id)
    return (
        request is not None
        and request.status == "latched"
        and request.kind != Kind.WORD
        and request.decided_at is not None
        and now - request.decided_at <= OLDEST_OBSERVATION
    )
