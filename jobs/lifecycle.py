"""The statuses of a job and the table of moves that are allowed between them."""

from enum import StrEnum


class Status(StrEnum):
    """Where a job is in its life; stored, never renamed."""

    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    ARMING = "arming"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    STALE = "stale"
    INTERRUPTED = "interrupted"


#: `interrupted` is left by a person alone, and keeps the lock until then.
ALLOWED: dict[Status, frozenset[Status]] = {
    Status.PLANNING: frozenset(
        {
            Status.AWAITING_APPROVAL,
            Status.QUEUED,
            Status.FAILED,
            Status.CANCELLED,
            Status.STALE,
        }
    ),
    Status.AWAITING_APPROVAL: frozenset(
        {
            Status.ARMING,
            Status.QUEUED,
            Status.REJECTED,
            Status.EXPIRED,
            Status.CANCELLED,
            Status.STALE,
        }
    ),
    Status.ARMING: frozenset(
        {Status.QUEUED, Status.REJECTED, Status.EXPIRED, Status.CANCELLED, Status.STALE}
    ),
    Status.QUEUED: frozenset(
        {Status.RUNNING, Status.CANCELLED, Status.EXPIRED, Status.STALE, Status.FAILED}
    ),
    Status.RUNNING: frozenset(
        {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.STALE, Status.INTERRUPTED}
    ),
    Status.INTERRUPTED: frozenset({Status.SUCCEEDED, Status.FAILED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.REJECTED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.STALE: frozenset(),
}

OPEN = frozenset(status for status, onward in ALLOWED.items() if onward)
FINAL = frozenset(ALLOWED) - OPEN
#: While a job is in one of these, no other job that changes the host may start.
HOLDS_HOST = frozenset({Status.RUNNING, Status.INTERRUPTED})


def may_move(from_: Status, to: Status) -> bool:
    return to in ALLOWED[from_]
