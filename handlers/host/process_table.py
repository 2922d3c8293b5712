"""Reads from /proc which processes run, whose they are, and to which run they belong."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

PROC = Path("/proc")
#: States of a process that has ended and only waits to be forgotten.
ENDED = frozenset("ZX")


@dataclass(frozen=True, slots=True)
class Entry:
    """One process; `start_time` (clock ticks since boot) tells it from a later one of this id."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    start_time: int
    #: What it calls itself, at most 15 characters; anything can stand here.
    name: str

    @property
    def is_running(self) -> bool:
        return self.state not in ENDED


def boot_id() -> str:
    """Another one after every start of the machine."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def booted_at(now: datetime) -> datetime:
    """When the machine was started, seen from `now`; good to a second."""
    uptime_seconds = float((PROC / "uptime").read_text().split()[0])
    return now - timedelta(seconds=uptime_seconds)


def entry(pid: int) -> Entry | None:
    """What /proc says of a process; None when there is none."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The program's name, in parentheses, may itself contain spaces and parentheses.
    head, _, tail = stat.rpartition(")")
    fields = tail.split()
    return Entry(
        pid=pid,
        state=fields[0],
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        start_time=int(fields[19]),
        name=head.partition("(")[2],
    )


def entries() -> Iterator[Entry]:
    """Every process that runs now."""
    for directory in PROC.iterdir():
        found = entry(int(directory.name)) if directory.name.isdigit() else None
        if found is not None and found.is_running:
            yield found


def is_same_process(pid: int, start_time: int) -> bool:
    """Whether the process noted down earlier still runs, and is not another of the same id."""
    found = entry(pid)
    return found is not None and found.is_running and found.start_time == start_time


def has_in_environment(pid: int, name: str, value: str) -> bool:
    """Whether a process was started with NAME=value; False where we may not look."""
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{name}={value}".encode() in environment.split(b"\0")
