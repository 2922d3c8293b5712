"""Writes down for a runner what a job is: what is wanted, on whose word, and with which figures."""

from dataclasses import dataclass
from datetime import datetime

from handlers.contract import JSON, AuditHead
from handlers.host.settings import (
    ContentSettings,
    HostSettings,
    KeySettings,
    RetentionSettings,
    StoreSettings,
)
from jobs.journal import Asker, CommandSource, Consent, RunSpec
from state import audit_log, job_store
from state.database import Transaction
from state.job_store import Job
from state.run_store import Run


@dataclass(frozen=True, slots=True)
class Place:
    """Where every run of this installation takes place."""

    host_id: str
    host: HostSettings
    stores: tuple[StoreSettings, ...]
    keys: KeySettings = KeySettings()
    contents: ContentSettings = ContentSettings()
    retention: RetentionSettings | None = None


def spec_of(
    tx: Transaction, job: Job, run: Run, consent: Consent, place: Place, now: datetime
) -> RunSpec:
    """What a runner is told; the privileged side writes it to the run folder."""
    command = None
    if job.command_message_id is not None and job.command_sha256 is not None:
        command = CommandSource(job.command_message_id, job.command_sha256)
    return RunSpec(
        job=job.id,
        attempt=run.attempt,
        mode=run.mode,
        operation=job.operation,
        arguments=job.arguments,
        fingerprint=job.fingerprint if run.mode == "run" else None,
        epoch=job.epoch,
        host_id=place.host_id,
        asker=_asker(job),
        command=command,
        nonce=job.nonce,
        expires_at=job.expires_at,
        consent=consent,
        effect=job.effect,
        hints={"seconds": _seconds(tx, job)},
        audit_head=_audit_head(tx),
        host=place.host,
        stores=place.stores,
        keys=place.keys,
        contents=place.contents,
        retention=place.retention,
        created_at=now,
    )


def _asker(job: Job) -> Asker:
    kind = {"chat": "user", "schedule": "schedule", "host": "root"}[job.origin]
    return Asker(kind=kind, id=job.asker_id, name=job.asker_name)


def _audit_head(tx: Transaction) -> AuditHead | None:
    head = audit_log.head_hash(tx)
    return None if head is None else AuditHead(*head)


def _seconds(tx: Transaction, job: Job) -> list[JSON]:
    """How long earlier runs of the same operation took, for estimates."""
    return [took.total_seconds() for took in job_store.durations(tx, job.operation, 5)]
