"""The ways in which an operation can fail, each with a reason code and a hint."""

from enum import StrEnum


class Reason(StrEnum):
    """Why something was refused or failed; stored in rows, so values are never renamed."""

    # What was typed.
    EMPTY_COMMAND = "empty_command"
    UNKNOWN_VERB = "unknown_verb"
    BAD_ARGUMENT = "bad_argument"
    UNREADABLE_TEXT = "unreadable_text"
    # Who asked, where and when.
    NOT_A_COMMAND = "not_a_command"
    NOT_HUMAN = "not_human"
    NOT_ACTIVE = "not_active"
    GUEST = "guest"
    OTHER_REALM = "other_realm"
    FOREIGN_CLIENT = "foreign_client"
    WRONG_PLACE = "wrong_place"
    TOO_OLD = "too_old"
    TOO_MANY = "too_many"
    OUT_OF_TURN = "out_of_turn"
    NOT_PERMITTED = "not_permitted"
    UNREADABLE_PERSON = "unreadable_person"
    # What became of a job.
    DONE = "done"
    BUSY = "busy"
    PREFLIGHT_FAILED = "preflight_failed"
    PLAN_CHANGED = "plan_changed"
    POLICY_CHANGED = "policy_changed"
    EPOCH_CHANGED = "epoch_changed"
    MESSAGE_CHANGED = "message_changed"
    CHANNEL_OPEN = "channel_open"
    KEY_COMPROMISE = "key_compromise"
    NEW_ACCOUNT = "new_account"
    NOBODY_MAY_APPROVE = "nobody_may_approve"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    TOOL_FAILED = "tool_failed"
    STORE_FAILED = "store_failed"
    VERIFICATION_FAILED = "verification_failed"
    DISK_FULL = "disk_full"
    TIME_LIMIT = "time_limit"
    OUT_OF_MEMORY = "out_of_memory"
    TERMINATED = "terminated"
    RUN_LOST = "run_lost"
    RESOLVED = "resolved"
    NOT_CONFIGURED = "not_configured"
    NO_RELEASE = "no_release"
    STILL_AWAY = "still_away"
    BUG = "bug"


class OpsError(Exception):
    """What every failure that people are told about carries."""

    def __init__(self, message: str, *, reason: Reason, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.hint = hint
        #: What state the server is in now, where the operation itself has looked.
        self.state: str | None = None

    @property
    def ends_run(self) -> bool:
        """Whether it was raised to end the whole run: then no other part of it may go on."""
        return self.reason in {Reason.CANCELLED, Reason.TIME_LIMIT}


class BadCommand(OpsError):
    """The person can put it right: a wrong word, a missing argument."""


class Refused(OpsError):
    """It is understood and not allowed now; the message says by whom or until when."""


class HostFailure(OpsError):
    """A tool or a store on the host failed."""

    def __init__(
        self,
        message: str,
        *,
        reason: Reason = Reason.TOOL_FAILED,
        hint: str | None = None,
        tail: str = "",
    ) -> None:
        super().__init__(message, reason=reason, hint=hint)
        #: The last redacted lines of the tool's output.
        self.tail = tail


class Cancelled(OpsError):
    """A person asked for the run to end."""

    def __init__(self) -> None:
        super().__init__("The run was cancelled.", reason=Reason.CANCELLED)
