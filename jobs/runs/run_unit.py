"""The unit in which systemd keeps a run: its name, and what it leaves as evidence of its end."""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from handlers.contract import JSON
from jobs.journal import RunName
from jobs.runs.fields import Fields, Unreadable
from jobs.runs.run_folder import RunFolder

VERSION = 1
PREFIX = "zulip-ops-run-"
#: Where the one hierarchy of control groups is mounted; beside older ones, one deeper.
HIERARCHIES = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))


def unit_name(epoch: int, run: RunName) -> str:
    """While a unit of this name is there, systemd starts no other."""
    return f"{PREFIX}{epoch}-{run}.service"


@dataclass(frozen=True, slots=True)
class UnitEnd:
    """As systemd.exec(5) tells a unit's stop commands."""

    #: `success`, `exit-code`, `signal`, `core-dump`, `timeout`, `oom-kill`, ...
    result: str
    #: `exited`, `killed` or `dumped`.
    code: str
    #: An exit code or the name of a signal, as in `3` or `KILL`.
    status: str
    #: Whether zulip-ops had wanted the run to end.
    cancelled: bool = False

    def to_json(self) -> dict[str, JSON]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Fields) -> "UnitEnd":
        """The inverse of `to_json`; raises Unreadable."""
        return cls(
            record.text("result"),
            record.text("code"),
            record.text("status"),
            cancelled=record.flag("cancelled"),
        )


def write(folder: RunFolder, told: Mapping[str, str]) -> None:
    """Keep what systemd tells a stop command in its environment; the first end counts.

    A unit that came too late, and found the folder claimed, must not hide how the run ended.
    """
    if folder.unit_end_file.exists():
        return
    end = UnitEnd(
        told.get("SERVICE_RESULT", ""),
        told.get("EXIT_CODE", ""),
        told.get("EXIT_STATUS", ""),
        cancelled=folder.is_cancelled,
    )
    folder.write(folder.unit_end_file, {"version": VERSION, **end.to_json()})


def read(folder: RunFolder) -> UnitEnd | None:
    """None where there was no unit, or where nobody could write its end down."""
    try:
        record = Fields.parse(folder.unit_end_file.read_bytes(), folder.unit_end_file.name)
        record.version("version", VERSION)
        return UnitEnd.from_json(record)
    except (OSError, Unreadable):
        return None


def memory_ran_out(
    memberships: Path = Path("/proc/self/cgroup"), hierarchies: tuple[Path, ...] = HIERARCHIES
) -> bool:
    """Whether the kernel has killed a process of our own unit for want of memory.

    False where we are in no unit of a run, or where the kernel does not count.
    """
    lines = memberships.read_text().splitlines()
    ours = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    if not Path(ours).name.startswith(PREFIX):
        return False
    return any(_kills(hierarchy / ours / "memory.events") for hierarchy in hierarchies)


def _kills(events: Path) -> int:
    try:
        counts = dict(line.split() for line in events.read_text().splitlines())
        return int(counts.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0


if __name__ == "__main__":
    # ExecStopPost= of the unit: whatever became of the runner, systemd still starts this.
    write(RunFolder(Path(sys.argv[1])), os.environ)
