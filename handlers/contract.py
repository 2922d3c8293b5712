"""What a handler is, what it is given, and what it returns."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from handlers.host.settings import (
    ContentSettings,
    HostSettings,
    KeySettings,
    RetentionSettings,
    StoreSettings,
)

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
Facts = Mapping[str, JSON]

#: The fact in which a run says what will hold should nothing more be heard of it. The newest one
#: becomes part of what people are told when it was killed.
IF_LOST = "if_lost"


class Effect(StrEnum):
    """How much an operation can change; policy maps it to people. Stored, never renamed."""

    READ = "read"
    ROUTINE = "routine"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"


class Kind(StrEnum):
    """What a parameter accepts."""

    WORD = "word"  # one word that matches `pattern`
    INTEGER = "integer"
    CHOICE = "choice"  # one of `choices`
    FLAG = "flag"  # present or not
    PERSON = "person"  # a mention in Zulip or a user id: "Iago", "Iago|9" or "|9"
    TEXT = "text"  # free text: by place the rest of the line, else words in quotes


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument (`required`, by place) or option (`--name`) of a command."""

    name: str
    kind: Kind
    summary: str
    example: str
    positional: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    #: For `Kind.WORD`: the whole word must match; written so that nothing else can pass.
    pattern: str = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
    #: For `Kind.TEXT`: the most characters.
    longest: int = 200
    #: What stands for the value in help, where the name says too little: `store`.
    place: str = ""
    #: Taken from root on the host alone, never from chat.
    on_host_only: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the registry says about an operation without importing it."""

    name: str
    summary: str
    module: str
    effect: Effect
    example: str
    parameters: tuple[Parameter, ...] = ()
    time_limit: timedelta = timedelta(hours=2)
    #: The parameter that holds a command which is carried out later: its effect is this one's, and
    #: `effect` only the least that it can be.
    effect_of: str | None = None
    #: Whether a run of it touches the server at all; what it does not touch, it need not wait for.
    touches_host: bool = True
    #: Whether a run that died has changed nothing that counts, whatever it was doing.
    leaves_nothing: bool = False
    #: Whether a run may take the numbers of Zulip's messages back.
    rewinds_messages: bool = False
    #: Names that stored jobs may still carry.
    aliases: tuple[str, ...] = ()

    @property
    def changes_host(self) -> bool:
        return self.touches_host and self.effect is not Effect.READ


@dataclass(frozen=True, slots=True)
class Precondition:
    """A named predicate that is judged when the plan is made and afresh at the start."""

    name: str
    sentence: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: `binding` is fingerprinted, the rest is judged afresh or only shown."""

    summary: str
    binding: Facts
    steps: tuple[str, ...]
    way_back: str
    preconditions: tuple[Precondition, ...] = ()
    estimates: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: one sentence, the state the server is in now, and facts."""

    sentence: str
    state: str
    facts: Facts = field(default_factory=dict)
    #: What an operator would type next.
    next: str | None = None


class Progress(Protocol):
    """The journal as a handler sees it; everything said here is redacted before it is written."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """A titled part of the run; its end and duration are recorded, also when it raises."""

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        """How far the present step is; called freely, written at most once a second."""

    def fact(self, name: str, value: JSON) -> None:
        """Something found out that outlives the run."""

    def output(self, text: str) -> None:
        """Output of a tool, for output.log."""


class Clock(Protocol):
    """Where handlers get the time; tests hand in their own."""

    def now(self) -> datetime:
        """Aware UTC."""


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest entry of the audit log when a run was ordered; kept where nobody can change it."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Context:
    """Exactly what a run may touch."""

    job: int
    attempt: int
    host: HostSettings
    stores: tuple[StoreSettings, ...]
    journal: Progress
    clock: Clock
    #: Figures of earlier runs of the same operation, for estimates only.
    hints: Facts = field(default_factory=dict)
    #: None: whoever ordered the run has no audit log at hand.
    audit_head: AuditHead | None = None
    #: To whom copies are sealed.
    keys: KeySettings = KeySettings()
    #: What goes into copies by choice.
    contents: ContentSettings = ContentSettings()
    #: Which copies stay; None: all of them.
    retention: RetentionSettings | None = None
    #: Where a run may keep what it needs again; None: nowhere.
    state_directory: Path | None = None
    #: On whose word the run takes place, by name.
    asked_by: str = "somebody"


Args = TypeVar("Args")


@dataclass(frozen=True, slots=True)
class Handler(Generic[Args]):
    """One operation: `args` is built from the typed arguments, `run` is given the plan it keeps."""

    args: type[Args]
    plan: Callable[[Context, Args], Plan]
    run: Callable[[Context, Args, Plan], Outcome]
