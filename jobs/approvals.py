"""Requests for consent, as rows: until when, by whom, for exactly which plan."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers.contract import Effect
from jobs.configuration import EffectPolicy, Policy
from jobs.consent_rules import (
    OLDEST_OBSERVATION,
    ConsentRequest,
    Kind,
    Observation,
    Verdict,
    judge,
)
from state import approval_store
from state.approval_store import NewRequest
from state.database import Transaction
from state.job_store import Job


def effect_policy(policy: Policy, effect: Effect) -> EffectPolicy:
    """What the policy says of commands of one effect."""
    chosen: EffectPolicy = getattr(policy, effect.value)
    return chosen


def waiting_time(policy: Policy, effect: Effect) -> timedelta:
    return timedelta(minutes=effect_policy(policy, effect).expires_minutes)


def ask(tx: Transaction, job: Job, fingerprint: str, policy: Policy) -> None:
    """Ask for the asker's own second yes: `routine` needs no other person."""
    assert job.expires_at is not None
    approval_store.create(
        tx,
        NewRequest(
            job_id=job.id,
            fingerprint=fingerprint,
            kind=Kind.CONFIRMATION.value,
            asker_id=job.asker_id,
            needed=1,
            expires_at=job.expires_at,
        ),
    )


def decide(
    job: Job, plan: Mapping[str, Any], observation: Observation, now: datetime, bot_id: int
) -> Verdict:
    """What one look at the plan message comes to, for this very plan."""
    assert job.asker_id is not None
    assert job.expires_at is not None
    request = ConsentRequest(
        kind=Kind.CONFIRMATION,
        asker_id=job.asker_id,
        approvers=frozenset({job.asker_id}),
        needed=1,
        self_counts=True,
        plan_message_id=job.card_message_id or 0,
        content_sha256=str(plan["card_sha256"]),
        fingerprint=job.fingerprint or "",
        expires_at=job.expires_at,
        epoch=job.epoch,
    )
    return judge(request, observation, now, bot_id)


def is_fresh(tx: Transaction, job: Job, now: datetime) -> bool:
    """Whether consent was seen so recently that it need not be read again before the start."""
    request = approval_store.get(tx, job.id)
    return (
        request is not None
        and request.status == "latched"
        and request.decided_at is not None
        and now - request.decided_at <= OLDEST_OBSERVATION
    )
