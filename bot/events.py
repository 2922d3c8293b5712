"""Everything that can lie in the dispatcher's inbox, as plain data."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from queue import SimpleQueue

from bot.commands.contract import AuditSeen
from bot.observations import Observation
from bot.zulip_api.words import (
    Message,
    Person,
    Registration,
)
from jobs.watcher import RunEnded, RunLost, RunProgressed
from state.cursor import Cursor

# What happened in Zulip.


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """Somebody wrote; the bot's own messages come too."""

    message: Message
    #: Read by id after a gap in the events, so it may be old.
    from_catch_up: bool = False
    #: Imported, or from before the bot was subscribed: an old message that merely looks new.
    out_of_turn: bool = False

    @property
    def mentioned(self) -> bool:
        """Whether the bot is mentioned by name, anywhere in it."""
        return self.message.mentioned


@dataclass(frozen=True, slots=True)
class ReactionChanged:
    """Somebody gave ✅ or ❌, or took it back. A hint and no more: only the message itself says who
    reacted with what."""

    message_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """The content was changed; `content` is the new one."""

    message_id: int
    content: str


@dataclass(frozen=True, slots=True)
class MessagesMoved:
    """These messages lie there now; resolving a topic is such a move."""

    message_ids: tuple[int, ...]
    channel_id: int
    topic: str


@dataclass(frozen=True, slots=True)
class MessagesDeleted:
    """These messages are gone."""

    message_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Role, activity or name may be another now."""

    user_id: int


@dataclass(frozen=True, slots=True)
class ServerRestarted:
    """The server came back, perhaps with another version."""

    zulip_version: str
    generation: int


ZulipEvent = (
    MessageArrived
    | ReactionChanged
    | MessageEdited
    | MessagesMoved
    | MessagesDeleted
    | PersonChanged
    | ServerRestarted
)


class Receipt:
    """The dispatcher's word on a batch: committed, or not kept. Given once."""

    def __init__(self) -> None:
        self._given = threading.Event()
        self._kept = False

    def accept(self) -> None:
        """The batch and its cursor are committed."""
        self._kept = True
        self._given.set()

    def refuse(self) -> None:
        """Nothing of it was kept; the listener brings it again."""
        self._given.set()

    def wait(self, timeout_seconds: float) -> bool | None:
        """True: accepted, False: refused, None: no word yet."""
        return self._kept if self._given.wait(timeout_seconds) else None


@dataclass(frozen=True, slots=True)
class ZulipEvents:
    """Events in order, and the cursor to commit with them; then `receipt.accept()`.

    A quiet line gives batches without events: only the cursor is new.
    """

    events: tuple[ZulipEvent, ...]
    cursor: Cursor
    receipt: Receipt = field(default_factory=Receipt, compare=False)


class Evidence(StrEnum):
    """By what it is known that an epoch has ended; stored, never renamed."""

    #: A message that was seen has another sender or time now.
    REUSED = "reused"
    #: The server gave a new message a number that it had given out before.
    WENT_BACK = "went_back"
    #: The newest messages that were seen are gone, or the server would not let us count.
    VANISHED = "vanished"
    #: Another organization answers, or the same at another address.
    OTHER_SERVER = "other_server"


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """Message ids began again: a backup was restored, or another server answers."""

    evidence: Evidence
    #: The highest id that was seen before.
    watermark: int
    #: The id on which it was noticed.
    noticed_on: int | None
    #: What came later than this id has not been seen yet.
    resume_after: int | None

    @property
    def same_server(self) -> bool:
        return self.evidence is not Evidence.OTHER_SERVER


@dataclass(frozen=True, slots=True)
class Connected:
    """The line to Zulip stands. Comes before the events that were waiting."""

    registration: Registration
    me: Person
    #: False: there was a gap; messages follow by id, but of reactions, edits and moves nobody
    #: tells, so what hangs on them must be read again.
    complete: bool
    #: Message ids mean other messages than before.
    epoch_ended: EpochEnded | None = None


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """Zulip does not answer, refuses the key, or sends elsewhere; said once until it is back."""

    why: str


# What the bot's own parts tell.


@dataclass(frozen=True, slots=True)
class Observed:
    """The reader's answer to a question."""

    question_id: int
    observation: Observation


@dataclass(frozen=True, slots=True)
class AuditRead:
    """The audit log was read to its end; for a command, or for the day."""

    entry_id: int | None
    seen: AuditSeen


@dataclass(frozen=True, slots=True)
class RowSent:
    """The outbox row is in Zulip; `message_id` is the message that it made, if it makes one."""

    row_id: int
    job_id: int | None
    role: str | None
    message_id: int | None


@dataclass(frozen=True, slots=True)
class RowDropped:
    """The outbox row will never be sent."""

    row_id: int
    job_id: int | None
    role: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    now: datetime


@dataclass(frozen=True, slots=True)
class ScheduleDue:
    """A schedule's moment may have come; what is owed is reckoned from the database."""

    name: str


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What whoever typed a command on the host is told."""

    text: str
    #: The number of the job if it made one.
    job_id: int | None = None
    #: Nothing was done, and the exit code says so too.
    is_refusal: bool = False


@dataclass(frozen=True, slots=True)
class HostCommand:
    """A command typed on the host; the answer goes to `answers`."""

    text: str
    #: Who typed it, as the kernel says: 0 is root.
    user: int
    answers: SimpleQueue[HostAnswer] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish what is begun and end."""


Event = (
    ZulipEvents
    | Connected
    | ConnectionLost
    | EpochEnded
    | Observed
    | AuditRead
    | RowSent
    | RowDropped
    | RunProgressed
    | RunEnded
    | RunLost
    | Tick
    | ScheduleDue
    | HostCommand
    | Stop
)
