"""Follows the runs under way, in one thread, and tells what they say and how they end."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from handlers.host import process_table
from jobs.journal import RunName, RunResult
from jobs.launcher import Launcher, LauncherUnavailable, RunHandle, RunStatus
from jobs.launching.looking import look
from jobs.recovery import evidence, last_word
from jobs.runs.fields import Unreadable
from jobs.runs.journal_reader import JournalReader
from jobs.runs.records import Record
from jobs.runs.run_folder import RunFolder

POLL_EVERY = timedelta(seconds=0.15)
#: Whether a silent runner still lives is asked less often: it costs more than a look at a file.
ASK_EVERY = timedelta(seconds=1)
#: How long a launcher may be away before a run is judged by what lies on the disk alone.
PATIENCE = timedelta(seconds=30)

_logger = logging.getLogger(__name__)


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
    #: Monotonic, as is the next.
    ask_at: float = field(default_factory=lambda: time.monotonic() + ASK_EVERY.total_seconds())
    #: When the launcher last told of it.
    told_at: float = field(default_factory=time.monotonic)
    is_unreadable: bool = False


class Watcher:
    """`tell` is called from the watcher's thread; each run's end is told once."""

    def __init__(
        self,
        launcher: Launcher,
        tell: Callable[[WatcherEvent], None],
        patience: timedelta = PATIENCE,
    ) -> None:
        self._launcher = launcher
        self._patience = patience
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
                self._look_if_readable(followed)

    def _look_if_readable(self, followed: _Followed) -> None:
        """A disk that fails under one run must not end the watch over all of them."""
        try:
            self._look(followed)
        except OSError as error:
            if not followed.is_unreadable:
                _logger.error("The folder of run %s cannot be read: %s", followed.name, error)
            followed.is_unreadable = True
        else:
            followed.is_unreadable = False

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
            followed.told_at = time.monotonic()
        except LauncherUnavailable as error:
            # Nobody to ask is no evidence.
            if time.monotonic() - followed.told_at < self._patience.total_seconds():
                return
            _logger.warning("Run %s is judged by its folder. %s", followed.name, error.message)
            followed.told_at = time.monotonic()
            status = _seen_on_disk(followed.folder)
        if not status.alive and not status.ended:
            self._lose(followed, status, evidence(status) + last_word(followed.folder))

    def _lose(self, followed: _Followed, status: RunStatus, sentence: str) -> None:
        self._forget(followed)
        self._tell(RunLost(followed.name, status, sentence))

    def _forget(self, followed: _Followed) -> None:
        with self._lock:
            del self._followed[followed.name]


def _seen_on_disk(folder: RunFolder) -> RunStatus:
    """Alive unless it is proven that it is not: begun, and its runner gone from what we can see."""
    status = look(folder)
    is_provable = status.begun and process_table.entry(1) is not None
    return status if is_provable else replace(status, alive=True)
