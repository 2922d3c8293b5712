"""Ends the processes of a drill, also those of one that died: they are known by where they live.

Every process of PostgreSQL has its data directory as its working directory, so those of a drill
are told from those of any live cluster by looking, and not by what a file or a name says.
"""

import os
import pwd
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from handlers.errors import HostFailure
from handlers.host import process_table, processes
from handlers.host.process_table import Entry

#: For PostgreSQL to end at once, its shared memory included.
QUIT_GRACE = timedelta(seconds=5)
KILL_GRACE = timedelta(seconds=5)
_POLL_SECONDS = 0.02
_TIME_LIMIT = timedelta(seconds=10)
#: Lines of postmaster.pid: the process, its data directory, ..., and its segment of shared memory.
_PID_LINE, _SEGMENT_LINE = 0, 6
_LARGEST_FILE_BYTES = 4096


def end(place: Path) -> int:
    """End everything that lives below `place`; how many there were. HostFailure if some do not."""
    found = list(living(place))
    if not found:
        _remove_segment(place)
        return 0
    # The postmaster is asked first: it ends the others and gives its shared memory back.
    leader = _postmaster(place)
    _signal([each for each in found if each.pid == leader], signal.SIGQUIT)
    if leader is None or not _gone(place, QUIT_GRACE):
        _signal(living(place), signal.SIGKILL)
        if not _gone(place, KILL_GRACE):
            raise HostFailure(f"Processes of a drill in {place} cannot be ended.")
    _remove_segment(place)
    return len(found)


def living(place: Path) -> Iterator[Entry]:
    """The processes whose working directory is in it."""
    place = place.resolve()
    for entry in process_table.entries():
        try:
            where = (process_table.PROC / str(entry.pid) / "cwd").readlink()
        except OSError:
            continue  # ended meanwhile, or not ours to see and so not ours at all
        if where == place or place in where.parents:
            yield entry


def _postmaster(place: Path) -> int | None:
    lines = _postmaster_file(place)
    return int(lines[_PID_LINE]) if lines and lines[_PID_LINE].isdecimal() else None


def _remove_segment(place: Path) -> None:
    """A few bytes of shared memory that only PostgreSQL's own orderly end gives back."""
    lines = _postmaster_file(place)
    segment = lines[_SEGMENT_LINE].split() if len(lines) > _SEGMENT_LINE else []
    if len(segment) == 2 and segment[1].isdecimal() and not any(living(place)):
        argv = ("ipcrm", "--shmem-id", segment[1])
        # As the account that could have written anything there: it can remove its own alone.
        with suppress(HostFailure):
            processes.run(argv, timeout=_TIME_LIMIT, check=False, user=_owner(place))


def _owner(place: Path) -> str | None:
    uid = (place / "cluster").stat().st_uid
    return None if uid == os.geteuid() else pwd.getpwuid(uid).pw_name


def _postmaster_file(place: Path) -> list[str]:
    """The account could have put anything in its place: no link is followed, nor waited for."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(place / "cluster" / "data" / "postmaster.pid", flags)
    except OSError:
        return []
    try:
        return os.read(descriptor, _LARGEST_FILE_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []
    finally:
        os.close(descriptor)


def _gone(place: Path, grace: timedelta) -> bool:
    deadline = time.monotonic() + grace.total_seconds()
    while any(living(place)):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _signal(entries: Iterator[Entry] | list[Entry], number: signal.Signals) -> None:
    for entry in entries:
        with suppress(ProcessLookupError, PermissionError):
            descriptor = os.pidfd_open(entry.pid)
            try:
                # From here on the descriptor cannot come to mean another process.
                if process_table.is_same_process(entry.pid, entry.start_time):
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
