"""What a command of the bot's own is, and what it is given to answer from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from bot.grammar import Verb
from bot.replies.reply import Reply
from handlers.contract import Effect, Parameter
from jobs.configuration import Policy
from jobs.observing.facts import Round
from state.database import Transaction
from state.hold_store import NewHold


class Look(StrEnum):
    """What has to be looked at before a command can be answered."""

    #: Whether Zulip answers the bot, this moment.
    HEALTH = "health"
    #: Everybody whom the policy lists, by name.
    PEOPLE = "people"
    #: A new round of the observer, when `--fresh` is given.
    FRESH_FACTS = "fresh_facts"
    #: The whole audit log, which takes a while when it is long.
    AUDIT_LOG = "audit_log"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: somebody in Zulip, a schedule, or root on the host."""

    name: str
    user_id: int | None = None
    roles: tuple[str, ...] = ()
    zulip_role: str = ""
    #: An account so young that its word counts for nobody else's job.
    is_new: bool = False
    #: Root and schedules (root wrote them) may do what the host may do.
    is_root: bool = False
    #: As whom they are on the host, as the kernel says; None: they are not on it.
    host_user: int | None = None


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """What the bot itself saw of Zulip, and when."""

    ok: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whom the policy lists, as Zulip knows them at this moment."""

    user_id: int
    name: str
    #: Whether their word counts: a human's active account that is no guest's.
    eligible: bool


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A head of the audit log that was kept outside it, and whether the log still has it."""

    #: "told": in the ops channel; "backup": in the record of the newest backup.
    where: str
    at: str
    seq: int
    hash: str
    fits: bool


@dataclass(frozen=True, slots=True)
class AuditSeen:
    """The audit log, read from its first entry."""

    entries: int
    hash: str | None
    #: The first entry that is not what was written, in a sentence.
    bad: str | None
    kept: tuple[KeptHead, ...] = ()
    #: False: there was no time to read it to its end.
    is_complete: bool = True

    @property
    def holds(self) -> bool:
        return self.bad is None and all(head.fits for head in self.kept)


@dataclass(frozen=True, slots=True)
class Installation:
    """What does not change while the bot runs."""

    host_id: str
    epoch: int
    bot_name: str
    channel: str
    policy: Policy
    verbs: Sequence[Verb]
    #: The zone in which people mean the times that they type.
    tz: str
    state_directory: Path
    runs_directory: Path
    #: Whether the ops channel may be public, and hold people whom no role lists.
    channel_may_be_open: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything an answer is made from; the transaction is the one that stores the answer."""

    tx: Transaction
    now: datetime
    asker: Asker
    installation: Installation
    facts: Round | None
    facts_problem: str | None = None
    server: ServerSeen | None = None
    audit: AuditSeen | None = None
    zulip_version: str | None = None
    feature_level: int | None = None
    #: Looked up for `Look.PEOPLE`; None: it was not, or could not be.
    people: Sequence[Known] | None = None
    schedule_name: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A vote on a job in words."""

    job_id: int
    approves: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleAct:
    """What becomes of a schedule."""

    name: str
    act: Literal["pause", "resume", "remove", "run"]


@dataclass(frozen=True, slots=True)
class HoldAct:
    """A hold that begins, or one that ends before its time."""

    begin: NewHold | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """How an interrupted job ended, as somebody found who looked at the host."""

    job: int
    succeeded: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """Root consents to a waiting job in the place of the people who would have to."""

    job: int
    reason: str


@dataclass(frozen=True, slots=True)
class Closing:
    """An incident that somebody has looked after."""

    incident: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, the file that goes with it, and what follows from it."""

    reply: Reply
    #: Uploaded beside the answer, under the second name.
    file: tuple[Path, str] | None = None
    #: The job to end in the same transaction.
    cancel_job: int | None = None
    #: A vote to be kept in the same transaction.
    word: Word | None = None
    #: What is to be done in the same transaction about a schedule or a hold.
    act: ScheduleAct | HoldAct | None = None
    #: What else becomes true in that transaction.
    resolution: Resolution | None = None
    closing: Closing | None = None
    broken_glass: BrokenGlass | None = None

    @property
    def only_tells(self) -> bool:
        """Whether nothing follows from it: so much can be answered without the bot, too."""
        follows = (self.cancel_job, self.word, self.act, self.resolution, self.closing)
        return not any((*follows, self.broken_glass))


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is answered at once and starts nothing."""

    name: str
    summary: str
    effect: Effect | None
    example: str
    answer: Callable[[Scene, Mapping[str, Any]], Answer]
    parameters: tuple[Parameter, ...] = ()
    looks: frozenset[Look] = field(default_factory=frozenset)
    #: Whether it is answered in the ops channel alone, where others see it.
    only_in_channel: bool = False
    #: Whether something follows from it, so that it can come from a person alone.
    acts: bool = False
    #: Whether it sets going what stands still, so that it waits while key or channel are in doubt.
    sets_going: bool = False
