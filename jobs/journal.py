"""What bot and runner write to each other: the spec before a run and the result after it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.contract import JSON, AuditHead, Facts, Plan, Precondition
from handlers.errors import Reason
from handlers.host.settings import (
    ContentSettings,
    HostSettings,
    KeySettings,
    RetentionSettings,
    StoreSettings,
)
from jobs.observing.observer_spec import (
    contents_from_record,
    host_from_record,
    keys_from_record,
    retention_from_record,
    store_from_record,
)
from jobs.runs.fields import Fields, Unreadable

SPEC_VERSION = 1
RESULT_VERSION = 1

#: What a database can number.
LARGEST_NUMBER = 2**63 - 1

PLAN = "plan"
RUN = "run"
MODES = frozenset({PLAN, RUN})


@dataclass(frozen=True, slots=True, order=True)
class RunName:
    """Which attempt at which job; also the name of its folder."""

    job: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.job}-{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> "RunName":
        """The inverse of `str`; ValueError for anything else."""
        job, _, attempt = text.partition("-")
        name = cls(int(job), int(attempt))
        if str(name) != text or not all(map(_is_number, (name.job, name.attempt))):
            raise ValueError(f"{text[:80]!r} does not name a run")
        return name


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose word a run is made."""

    kind: str  # "user", "schedule" or "root"
    id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class CommandSource:
    """The message in which the command stands, as it was."""

    message_id: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Consent:
    """Who may consent to a plan, for the card; the judge has the policy itself."""

    #: How many different people.
    needed: int
    #: Their user ids; none: whoever the policy lists.
    people: tuple[int, ...] = ()
    #: Whether the asker is the one to confirm.
    asker_confirms: bool = False
    #: Whether the asker may be one of the people.
    asker_counts: bool = False
    #: How long ❌ still stops it after full consent.
    arming_seconds: int = 0
    #: When it may start, as the policy has it; none: at any time.
    windows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Everything a runner is told; what is secret is named by its file only."""

    job: int
    attempt: int
    mode: str
    operation: str
    arguments: Facts
    asker: Asker
    host: HostSettings
    stores: tuple[StoreSettings, ...]
    created_at: datetime
    nonce: str
    epoch: int = 1
    host_id: str = ""
    #: What was consented to; in mode "run" another plan is stale.
    fingerprint: str | None = None
    command: CommandSource | None = None
    expires_at: datetime | None = None
    consent: Consent | None = None
    #: Of this very command; None: as it is declared.
    effect: str | None = None
    #: Figures of earlier runs, for estimates only.
    hints: Facts = field(default_factory=dict)
    #: Where the audit log stood when the run was ordered, for what outlives the host.
    audit_head: AuditHead | None = None
    #: To whom copies are sealed; public keys, and the name of a file.
    keys: KeySettings = KeySettings()
    #: What goes into copies by choice.
    contents: ContentSettings = ContentSettings()
    #: Which copies stay; None: all of them.
    retention: RetentionSettings | None = None

    @property
    def name(self) -> RunName:
        return RunName(self.job, self.attempt)

    def to_json(self) -> dict[str, JSON]:
        return {"version": SPEC_VERSION, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, record: JSON) -> "RunSpec":
        """The inverse of `to_json`; raises Unreadable."""
        spec = Fields(record, "the spec")
        spec.version("version", SPEC_VERSION)
        mode = spec.text("mode")
        if mode not in MODES:
            raise Unreadable(f"The spec asks for the mode {mode!r}.")
        asker = spec.fields("asker")
        return cls(
            job=_number(spec, "job"),
            attempt=_number(spec, "attempt"),
            mode=mode,
            operation=spec.text("operation"),
            arguments=spec.table("arguments"),
            asker=Asker(asker.text("kind"), asker.optional_whole("id"), asker.text("name")),
            host=_host(spec.table("host")),
            stores=_stores(spec.list("stores")),
            created_at=spec.moment("created_at"),
            nonce=spec.text("nonce"),
            epoch=_number(spec, "epoch"),
            host_id=spec.optional_text("host_id") or "",
            fingerprint=spec.optional_text("fingerprint"),
            command=_command(spec.optional_fields("command")),
            expires_at=spec.optional_moment("expires_at"),
            consent=_consent(spec.optional_fields("consent")),
            effect=spec.optional_text("effect"),
            hints=spec.table("hints"),
            audit_head=_audit_head(spec.optional_fields("audit_head")),
            keys=_keys(spec.optional_fields("keys")),
            contents=_contents(spec.optional_fields("contents")),
            retention=_retention(spec.optional_fields("retention")),
        )


class ResultStatus(StrEnum):
    """How a run ended; a job's status follows from it."""

    PLANNED = "planned"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class RunResult:
    """The last word of a run."""

    job: int
    attempt: int
    mode: str
    status: ResultStatus
    reason: Reason
    #: What happened.
    sentence: str
    #: What state the server is in now.
    state: str
    started_at: datetime
    ended_at: datetime
    boot_id: str
    hint: str | None = None
    #: What an operator would type next.
    next: str | None = None
    facts: Facts = field(default_factory=dict)
    plan: Plan | None = None
    fingerprint: str | None = None
    #: Of card.md, so that nobody need read it to compare.
    card_sha256: str | None = None
    #: The last lines of output, redacted.
    tail: str = ""

    @property
    def name(self) -> RunName:
        return RunName(self.job, self.attempt)

    def plan_as_json(self) -> dict[str, JSON] | None:
        return None if self.plan is None else _plain(asdict(self.plan))

    def to_json(self) -> dict[str, JSON]:
        return {"version": RESULT_VERSION, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, record: JSON) -> "RunResult":
        """The inverse of `to_json`; raises Unreadable."""
        result = Fields(record, "the result")
        result.version("version", RESULT_VERSION)
        try:
            status, reason = ResultStatus(result.text("status")), Reason(result.text("reason"))
        except ValueError as error:
            raise Unreadable(f"The result says what is not known here: {error}.") from error
        return cls(
            job=result.whole("job"),
            attempt=result.whole("attempt"),
            mode=result.text("mode"),
            status=status,
            reason=reason,
            sentence=result.text("sentence"),
            state=result.text("state"),
            started_at=result.moment("started_at"),
            ended_at=result.moment("ended_at"),
            boot_id=result.text("boot_id"),
            hint=result.optional_text("hint"),
            next=result.optional_text("next"),
            facts=result.table("facts"),
            plan=_plan(result.optional_fields("plan")),
            fingerprint=result.optional_text("fingerprint"),
            card_sha256=result.optional_text("card_sha256"),
            tail=result.text("tail"),
        )


def _plain(record: Mapping[str, Any]) -> dict[str, JSON]:
    """With paths, times and tuples as JSON has them."""
    plain: dict[str, JSON] = json.loads(json.dumps(record, default=_as_text))
    return plain


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _is_number(value: int) -> bool:
    return 1 <= value <= LARGEST_NUMBER


def _number(record: Fields, name: str) -> int:
    """Of a job, an attempt or an epoch."""
    number = record.whole(name)
    if not _is_number(number):
        raise Unreadable(f"`{name}` of the spec is out of range.")
    return number


def _host(record: dict[str, JSON]) -> HostSettings:
    try:
        return host_from_record(record)
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"`host` of the spec is not understood: {error}.") from error


def _stores(records: list[JSON]) -> tuple[StoreSettings, ...]:
    try:
        return tuple(store_from_record(Fields(each, "a store").rest()) for each in records)
    except TypeError as error:
        raise Unreadable(f"`stores` of the spec is not understood: {error}.") from error


def _keys(keys: Fields | None) -> KeySettings:
    """A spec of the version before has none."""
    try:
        return KeySettings() if keys is None else keys_from_record(keys.rest())
    except TypeError as error:
        raise Unreadable(f"`keys` of the spec is not understood: {error}.") from error


def _contents(contents: Fields | None) -> ContentSettings:
    """A spec of the version before has none."""
    try:
        return ContentSettings() if contents is None else contents_from_record(contents.rest())
    except TypeError as error:
        raise Unreadable(f"`contents` of the spec is not understood: {error}.") from error


def _retention(rules: Fields | None) -> RetentionSettings | None:
    """A spec of the version before has none, and without rules nothing goes."""
    try:
        return None if rules is None else retention_from_record(rules.rest())
    except (KeyError, TypeError) as error:
        raise Unreadable(f"`retention` of the spec is not understood: {error}.") from error


def _command(command: Fields | None) -> CommandSource | None:
    if command is None:
        return None
    return CommandSource(command.whole("message_id"), command.text("sha256"))


def _audit_head(head: Fields | None) -> AuditHead | None:
    return None if head is None else AuditHead(head.whole("seq"), head.text("hash"))


def _consent(consent: Fields | None) -> Consent | None:
    if consent is None:
        return None
    return Consent(
        needed=consent.whole("needed"),
        people=tuple(consent.wholes("people")),
        asker_confirms=consent.flag("asker_confirms"),
        asker_counts=consent.flag("asker_counts"),
        arming_seconds=consent.whole("arming_seconds"),
        windows=tuple(str(window) for window in consent.list("windows")),
    )


def _plan(plan: Fields | None) -> Plan | None:
    if plan is None:
        return None
    checks = (Fields(each, "a precondition") for each in plan.list("preconditions"))
    return Plan(
        summary=plan.text("summary"),
        binding=plan.table("binding"),
        steps=tuple(map(str, plan.list("steps"))),
        way_back=plan.text("way_back"),
        preconditions=tuple(
            Precondition(check.text("name"), check.text("sentence"), check.flag("holds"))
            for check in checks
        ),
        estimates=plan.table("estimates"),
    )
