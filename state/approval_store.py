"""Requests for consent, and the questions to Zulip on which they are decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, func, insert, select, update

from state import audit_log, installation
from state.columns import JSON, Facts, columns_for
from state.database import Transaction
from state.models import approval_requests, jobs, questions


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request as it is made."""

    job_id: int
    fingerprint: str
    kind: str  # "confirmation" (by the asker) or "approval" (by others)
    asker_id: int | None
    needed: int
    expires_at: datetime
    #: Whose consent can count at all: user ids; nobody's, unless somebody is named.
    approvers: Sequence[int] = ()
    #: Whether the asker may be one of them.
    self_counts: bool = False
    #: Which policy these terms come from.
    policy_sha256: str = ""
    #: How long a full consent still waits for a ❌.
    arming_seconds: int = 0
    #: Known once the card was sent; `outbox.mark_sent` fills it in.
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Consent to exactly one plan of one job, until a time."""

    job_id: int
    message_id: int | None
    fingerprint: str
    kind: str
    asker_id: int | None
    approvers: list[int]
    self_counts: bool
    needed: int
    arming_seconds: int
    #: Until when ❌ still stops it; None before there is enough consent.
    armed_until: datetime | None
    policy_sha256: str
    expires_at: datetime
    status: str  # "open", "latched", "consumed" or "closed"
    votes: JSON
    #: Commands `approve` on it, each of which is read again before it counts.
    spoken: list[dict[str, JSON]]
    #: What was said of votes so far: `counted` (user ids), `ignored` (user ids).
    told: dict[str, list[int]]
    decided_at: datetime | None


_REQUEST = select(*columns_for(approval_requests, Request))


def create(tx: Transaction, new: NewRequest) -> Request:
    """An IntegrityError when the job has one already: another plan is another job."""
    values = {name: getattr(new, name) for name in NewRequest.__slots__}
    values["approvers"] = sorted(new.approvers)
    row = insert(approval_requests).values(**values, status="open", votes=[], spoken=[], told={})
    tx.execute(row)
    return Request(*tx.execute(_REQUEST.where(_of(new.job_id))).one())


def get(tx: Transaction, job_id: int) -> Request | None:
    row = tx.execute(_REQUEST.where(_of(job_id))).one_or_none()
    return None if row is None else Request(*row)


def open_requests(tx: Transaction) -> list[Request]:
    """What waits for consent, oldest first."""
    return _in(tx, "open")


def pending(tx: Transaction) -> list[Request]:
    """What waits for consent, or has it and waits for its turn; oldest first."""
    return _in(tx, "open", "latched")


def _in(tx: Transaction, *statuses: str) -> list[Request]:
    query = _REQUEST.where(_in_status(*statuses)).order_by(approval_requests.c.job_id)
    return [Request(*row) for row in tx.execute(query)]


def by_message(tx: Transaction, message_id: int) -> Request | None:
    """The newest request whose card is this message; look at its status and its job's epoch."""
    newest = (
        _REQUEST.where(approval_requests.c.message_id == message_id)
        .order_by(approval_requests.c.job_id.desc())
        .limit(1)
    )
    row = tx.execute(newest).one_or_none()
    return None if row is None else Request(*row)


def is_plan(tx: Transaction, message_id: int) -> bool:
    """Whether people consent to what this message says, or have done so; in the present epoch."""
    query = (
        select(approval_requests.c.job_id)
        .join(jobs, jobs.c.id == approval_requests.c.job_id)
        .where(
            approval_requests.c.message_id == message_id,
            jobs.c.epoch == installation.epoch(tx),
        )
    )
    return tx.execute(query.limit(1)).first() is not None


def speak(tx: Transaction, job_id: int, spoken: Facts) -> bool:
    """Keep a command `approve` as a vote to be looked at; False when the request is not open."""
    request = get(tx, job_id)
    if request is None or request.status != "open":
        return False
    others = [one for one in request.spoken if one["user_id"] != spoken["user_id"]]
    tx.execute(update(approval_requests).where(_of(job_id)).values(spoken=[*others, dict(spoken)]))
    return True


def tell(tx: Transaction, job_id: int, told: Mapping[str, list[int]]) -> None:
    """Remember what was said of votes, so that it is said once."""
    tx.execute(update(approval_requests).where(_of(job_id)).values(told=dict(told)))


def arm(tx: Transaction, job_id: int, votes: JSON, until: datetime, *, at: datetime) -> bool:
    """There is enough consent, which ❌ still stops until then; False unless it is open."""
    done = tx.execute(
        update(approval_requests)
        .where(_of(job_id), _in_status("open"), approval_requests.c.armed_until.is_(None))
        .values(votes=votes, armed_until=until)
    )
    detail: dict[str, JSON] = {"job": job_id, "votes": votes, "until": until.isoformat()}
    return _told(tx, done, at, "zulip-ops", "consent armed", detail)


def latch(
    tx: Transaction, job_id: int, fingerprint: str, votes: JSON, *, actor: str, at: datetime
) -> bool:
    """Consent is given, by these votes; False unless it is open and for this very fingerprint."""
    done = tx.execute(
        update(approval_requests)
        .where(_of(job_id), _in_status("open"), approval_requests.c.fingerprint == fingerprint)
        .values(status="latched", votes=votes, decided_at=at)
    )
    detail: dict[str, JSON] = {"job": job_id, "fingerprint": fingerprint, "votes": votes}
    return _told(tx, done, at, actor, "consent latched", detail)


def consume(tx: Transaction, job_id: int, fingerprint: str, *, actor: str, at: datetime) -> bool:
    """Use the consent up, in the transaction that starts the run; True only once."""
    done = tx.execute(
        update(approval_requests)
        .where(_of(job_id), _in_status("latched"), approval_requests.c.fingerprint == fingerprint)
        .values(status="consumed", decided_at=at)
    )
    detail: dict[str, JSON] = {"job": job_id, "fingerprint": fingerprint}
    return _told(tx, done, at, actor, "consent consumed", detail)


def close(tx: Transaction, job_id: int, *, actor: str, at: datetime, votes: JSON = None) -> bool:
    """No consent any more (rejected, expired, stale, cancelled); False when none was pending."""
    kept = {} if votes is None else {"votes": votes}
    done = tx.execute(
        update(approval_requests)
        .where(_of(job_id), _in_status("open", "latched"))
        .values(status="closed", decided_at=at, **kept)
    )
    return _told(tx, done, at, actor, "consent closed", {"job": job_id, **kept})


def _told(
    tx: Transaction,
    done: CursorResult[Any],
    at: datetime,
    actor: str,
    action: str,
    detail: dict[str, JSON],
) -> bool:
    """Whether the update found its row; if so, the audit log hears of it too."""
    if done.rowcount != 1:
        return False
    audit_log.append(tx, at, actor, action, detail)
    return True


def _of(job_id: int) -> ColumnElement[bool]:
    return approval_requests.c.job_id == job_id


def _in_status(*statuses: str) -> ColumnElement[bool]:
    return approval_requests.c.status.in_(statuses)


@dataclass(frozen=True, slots=True)
class Question:
    """What the reader is to fetch from Zulip: a message as it is now, and these people."""

    id: int
    job_id: int | None
    message_id: int | None
    people: list[int]
    purpose: str
    revision: int
    asked_at: datetime
    status: str  # "open", "answered" or "superseded"


_QUESTION = select(*columns_for(questions, Question))


def ask(
    tx: Transaction,
    *,
    job_id: int | None,
    message_id: int | None,
    people: Sequence[int],
    purpose: str,
    at: datetime,
) -> Question:
    """Ask anew: an open question about the same message for the same job is superseded, whatever it
    was for, so that no older look can come after a newer one."""
    subject = (
        questions.c.job_id.is_not_distinct_from(job_id),
        questions.c.message_id.is_not_distinct_from(message_id),
    )
    last = tx.execute(select(func.max(questions.c.revision)).where(*subject)).scalar()
    tx.execute(
        update(questions).where(*subject, questions.c.status == "open").values(status="superseded")
    )
    made = tx.execute(
        insert(questions)
        .values(
            job_id=job_id,
            message_id=message_id,
            people=list(people),
            purpose=purpose,
            revision=1 if last is None else last + 1,
            asked_at=at,
            status="open",
        )
        .returning(questions.c.id)
    )
    return Question(*tx.execute(_QUESTION.where(questions.c.id == made.scalar_one())).one())


def get_question(tx: Transaction, question_id: int) -> Question | None:
    row = tx.execute(_QUESTION.where(questions.c.id == question_id)).one_or_none()
    return None if row is None else Question(*row)


def forget_questions(tx: Transaction) -> None:
    """After a restart nobody will answer what was asked before it."""
    tx.execute(update(questions).where(questions.c.status == "open").values(status="superseded"))


def answer(tx: Transaction, question_id: int, *, at: datetime) -> Question | None:
    """Take an observation for a question; None when a newer revision or an answer was faster."""
    done = tx.execute(
        update(questions)
        .where(questions.c.id == question_id, questions.c.status == "open")
        .values(status="answered", answered_at=at)
    )
    return get_question(tx, question_id) if done.rowcount == 1 else None


def has_open_question(tx: Transaction, job_id: int) -> bool:
    """Whether something was asked for that nobody has answered yet."""
    query = select(questions.c.id).where(questions.c.job_id == job_id, questions.c.status == "open")
    return tx.execute(query.limit(1)).first() is not None


def open_questions(tx: Transaction) -> list[Question]:
    """What the reader has to fetch, oldest first."""
    query = _QUESTION.where(questions.c.status == "open").order_by(questions.c.id)
    return [Question(*row) for row in tx.execute(query)]
