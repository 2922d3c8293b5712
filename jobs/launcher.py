"""What the bot asks of whoever starts runs; a root helper serves the same over a socket."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from handlers.contract import JSON
from handlers.errors import OpsError, Reason
from jobs.journal import RunName, RunSpec
from jobs.launching.grant import Grant
from jobs.runs.fields import Fields, Unreadable
from jobs.runs.run_unit import UnitEnd

#: Changes with every change of a request or an answer; both sides are of one installation.
PROTOCOL_VERSION = 1


class LauncherUnavailable(OpsError):
    """Nobody can start runs at present; nothing was started."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=Reason.NOT_CONFIGURED, hint="`zulip-ops doctor` says why.")


class AnswerLost(LauncherUnavailable):
    """It was asked for and nobody knows what came of it: it may have been done, or be done yet.

    To ask once more does no harm: no run is started twice.
    """


class AlreadyStarted(OpsError):
    """This attempt has a runner, or had one: it is not started twice."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=Reason.BUSY)


@dataclass(frozen=True, slots=True)
class RunHandle:
    """A run that was started, and where it tells how it goes."""

    name: RunName
    folder: Path

    def to_json(self) -> dict[str, JSON]:
        return {"run": str(self.name), "folder": str(self.folder)}

    @classmethod
    def from_json(cls, answer: Fields) -> "RunHandle":
        try:
            return cls(RunName.parse(answer.text("run")), Path(answer.text("folder")))
        except ValueError as error:
            raise Unreadable(f"The answer names no run: {error}.") from error


@dataclass(frozen=True, slots=True)
class RunStatus:
    """What there is of a run."""

    #: The folder exists.
    known: bool = False
    #: A runner took it up; before that, nothing can have been changed.
    begun: bool = False
    #: The runner's process is there, or one that is just starting.
    alive: bool = False
    #: The result is written.
    ended: bool = False
    #: The runner took it up since the machine was started.
    same_boot: bool = False
    #: Those of its processes that run without it, as in `pg_dump (4711)`.
    left_over: tuple[str, ...] = ()
    #: How systemd saw its unit end, where it had one.
    unit_end: UnitEnd | None = None

    def to_json(self) -> dict[str, JSON]:
        return {
            "known": self.known,
            "begun": self.begun,
            "alive": self.alive,
            "ended": self.ended,
            "same_boot": self.same_boot,
            "left_over": list(self.left_over),
            "unit_end": None if self.unit_end is None else self.unit_end.to_json(),
        }

    @classmethod
    def from_json(cls, answer: Fields) -> "RunStatus":
        unit_end = answer.optional_fields("unit_end")
        return cls(
            known=answer.flag("known"),
            begun=answer.flag("begun"),
            alive=answer.flag("alive"),
            ended=answer.flag("ended"),
            same_boot=answer.flag("same_boot"),
            left_over=tuple(map(str, answer.list("left_over"))),
            unit_end=None if unit_end is None else UnitEnd.from_json(unit_end),
        )


class Launcher(Protocol):
    """Every method may raise LauncherUnavailable, and none waits for a run.

    What is refused is refused before it has an effect, and what is unavailable has had none;
    where that is not known, AnswerLost says so.
    """

    def plan(self, spec: RunSpec) -> RunHandle:
        """Start a run that only makes the plan. Raises AlreadyStarted."""

    def start(self, spec: RunSpec) -> RunHandle:
        """Start a run that carries its plan out. Raises AlreadyStarted."""

    def cancel(self, run: RunName) -> None:
        """Ask the run to end, and after a grace end all its processes; the result tells."""

    def status(self, run: RunName) -> RunStatus:
        """What there is of a run now."""

    def facts(self) -> None:
        """Begin one round of observations, unless one is under way."""

    def grant(self, grant: Grant) -> str:
        """Keep consent to a schedule, in place of what was kept for it; its mark."""

    def revoke(self, schedule: str) -> bool:
        """Drop what was granted to a schedule; False when there was nothing."""
