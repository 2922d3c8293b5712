"""Follows the runs under way, in one thread, and tells what they say and how they end."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from jobs.journal import RunName, RunResult
from jobs.launcher import Launcher, LauncherUnavailable, RunHandle, RunStatus
from jobs.recovery import evidence
from jobs.runs.fields import Unreadable
from jobs.runs.journal_reader import JournalReader
from jobs.runs.records import Record
from jobs.runs.run_folder import RunFolder

POLL_EVERY = timedelta(seconds=0.15)
#: Whether a silent runner still lives is asked less often: it costs more than a look at a file.
ASK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class RunProgressed:
    """New records of a journal; `offset` is where to go on after a restart of ours."""

    run: RunName
    records: tuple[Record, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The result of a run; all its records were told before."""

    run: RunName
    result: RunResult


@dataclass(frozen=True, slots=True)
class RunLost:
    """A run that has no runner any more and left no result that can be read."""

    run: RunName
    status: RunStatus
    sentence: str


WatcherEvent = RunProgressed | RunEnded | RunLost


@dataclass(slots=True)
class _Followed:
    name: RunName
    folder: RunFolder
    reader: JournalReader
    #: Monotonic.
    ask_at: float = field(default_factory=lambda: time.monotonic() + ASK_EVERY.total_seconds())


class Watcher:
    """`tell` is called from the watcher's thread; each run's end is told once."""

    def __init__(self, launcher: Launcher, tell: Callable[[WatcherEvent], None]) -> None:
        self._launcher = launcher
        self._tell = tell
        self._followed: dict[RunName, _Followed] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="run watcher")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Runs go on; whoever follows them later starts from the last offset."""
        self._stop.set()
        self._thread.join()

    def follow(self, handle: RunHandle, offset: int = 0) -> None:
        """From a place in the journal; a run that is followed already stays so."""
        folder = RunFolder(Path(handle.folder))
        followed = _Followed(handle.name, folder, JournalReader(folder.journal_file, offset))
        with self._lock:
            self._followed.setdefault(handle.name, followed)

    def followed(self) -> frozenset[RunName]:
        with self._lock:
            return frozenset(self._followed)

    def _run(self) -> None:
        while not self._stop.wait(POLL_EVERY.total_seconds()):
            with self._lock:
                under_way = list(self._followed.values())
            for followed in under_way:
                self._look(followed)

    def _look(self, followed: _Followed) -> None:
        # The result is looked at before the journal: what was there at its end is then read.
        has_ended = followed.folder.has_ended
        if followed.reader.has_more() and (records := followed.reader.read()):
            offset = followed.reader.offset
            self._tell(RunProgressed(followed.name, tuple(records), offset))
        if has_ended:
            self._finish(followed)
        elif time.monotonic() >= followed.ask_at:
            followed.ask_at = time.monotonic() + ASK_EVERY.total_seconds()
            self._ask(followed)

    def _finish(self, followed: _Followed) -> None:
        try:
            result = followed.folder.read_result()
        except Unreadable as error:
            self._lose(followed, RunStatus(known=True, begun=True), error.message)
            return
        assert result is not None
        self._forget(followed)
        self._tell(RunEnded(followed.name, result))

    def _ask(self, followed: _Followed) -> None:
        try:
            status = self._launcher.status(followed.name)
        except LauncherUnavailable:
            # Nobody to ask is no evidence.
            return
        if not status.alive and not status.ended:
            self._lose(followed, status, evidence(status))

    def _lose(self, followed: _Followed, status: RunStatus, sentence: str) -> None:
        self._forget(followed)
        self._tell(RunLost(followed.name, status, sentence))

    def _forget(self, followed: _Followed) -> None:
        with self._lock:
            del self._followed[followed.name]
