"""What the bot asks of whoever starts runs; a root helper serves the same over a socket."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from handlers.contract import JSON
from handlers.errors import OpsError, Reason
from jobs.journal import RunName, RunSpec
from jobs.runs.fields import Fields, Unreadable

PROTOCOL_VERSION = 1


class LauncherUnavailable(OpsError):
    """Nobody can start runs at present; nothing was started."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=Reason.NOT_CONFIGURED, hint="`zulip-ops doctor` says why.")


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
    #: How many of its processes run without it.
    left_over: int = 0

    def to_json(self) -> dict[str, JSON]:
        return asdict(self)

    @classmethod
    def from_json(cls, answer: Fields) -> "RunStatus":
        return cls(
            known=answer.flag("known"),
            begun=answer.flag("begun"),
            alive=answer.flag("alive"),
            ended=answer.flag("ended"),
            same_boot=answer.flag("same_boot"),
            left_over=answer.whole("left_over"),
        )


class Launcher(Protocol):
    """Every method may raise LauncherUnavailable, and none waits for a run."""

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
