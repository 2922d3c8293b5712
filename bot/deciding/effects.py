"""What has to happen once a decision is committed: nothing of it happens inside a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.events import HostAnswer
from bot.observations import Observation
from jobs.engine import Start
from jobs.schedules import Recurrence


@dataclass(frozen=True, slots=True)
class StartRun:
    """Start an intended run."""

    start: Start


@dataclass(frozen=True, slots=True)
class EndRun:
    """End a run and everything it started."""

    job_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ReadPerson:
    """Read afresh who sent a command."""

    entry_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class UseLook:
    """A look at the sender of a command is there already: go on, once 👀 is on its way."""

    entry_id: int
    look: Observation


@dataclass(frozen=True, slots=True)
class ReadPeople:
    """Read afresh everybody whom a command is about."""

    entry_id: int
    user_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class ReadCard:
    """Read a plan message, its reactions, the people behind them, and the command."""

    question_id: int
    job_id: int
    message_id: int
    #: Whose reactions count; they are read if they have reacted.
    voters: frozenset[int]
    #: Who consented in words; they are read in any case.
    speakers: frozenset[int]
    #: The command and those words.
    others: frozenset[int]


@dataclass(frozen=True, slots=True)
class ReadHealth:
    """See whether Zulip answers the bot."""

    entry_id: int


@dataclass(frozen=True, slots=True)
class ReadReadership:
    """See who can read the ops channel."""

    channel_id: int


@dataclass(frozen=True, slots=True)
class LookAtHost:
    """Start a round of the observer."""


@dataclass(frozen=True, slots=True)
class LookForNext:
    """The host is free: see at once which job may start."""


@dataclass(frozen=True, slots=True)
class ReadAudit:
    """Read the audit log from its first entry; for a command, or for the day."""

    entry_id: int | None


@dataclass(frozen=True, slots=True)
class TellHost:
    """Answer the command line of the host."""

    entry_id: int
    answer: HostAnswer


@dataclass(frozen=True, slots=True)
class WakeFor:
    """Look at the clock for these schedules from now on, and for no others."""

    recurrences: Mapping[str, Recurrence]


#: What the reader fetches from Zulip, or has fetched.
Reading = ReadPerson | UseLook | ReadPeople | ReadCard | ReadHealth | ReadReadership
Effect = StartRun | EndRun | Reading | LookAtHost | LookForNext | ReadAudit | TellHost | WakeFor
