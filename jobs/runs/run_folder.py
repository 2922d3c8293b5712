"""The folder in which one run lies: how it is made, claimed, and what is read from it."""

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from handlers.contract import JSON
from handlers.host import process_table
from handlers.host.directories import sync
from handlers.host.process_table import Entry
from jobs.journal import RunName, RunResult, RunSpec
from jobs.runs.crashpoints import crashpoint
from jobs.runs.fields import Fields

FOLDER_MODE = 0o750
FILE_MODE = 0o640
#: Kept free for the result, so that a run can tell that the disk is full.
RESERVED_BYTES = 64 * 1024
#: How long a run waits for a disk that does not take its result.
RESULT_PATIENCE = timedelta(minutes=5)
RESULT_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class RunnerProcess:
    """Who performs a run; start time and boot tell the process from a later one of its id."""

    pid: int
    start_time: int
    boot_id: str
    #: Of the runner and its children, when it is theirs alone.
    session: int | None

    @property
    def is_running(self) -> bool:
        return self.entry() is not None

    def entry(self) -> Entry | None:
        """The process itself; None when it has ended."""
        found = process_table.entry(self.pid)
        if found is None or not found.is_running or found.start_time != self.start_time:
            return None
        return found if self.boot_id == process_table.boot_id() else None

    @classmethod
    def current(cls, *, detached: bool) -> "RunnerProcess":
        me = process_table.entry(os.getpid())
        assert me is not None
        session = me.session if detached else None
        return cls(me.pid, me.start_time, process_table.boot_id(), session)


#: Has a folder that no runner may take up any more.
NOBODY = RunnerProcess(pid=0, start_time=0, boot_id="", session=None)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run, each written by one side only."""

    path: Path

    @property
    def name(self) -> RunName:
        return RunName.parse(self.path.name)

    @property
    def journal_file(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def output_file(self) -> Path:
        return self.path / "output.log"

    @property
    def result_file(self) -> Path:
        return self.path / "result.json"

    @property
    def card_file(self) -> Path:
        return self.path / "card.md"

    @property
    def spec_file(self) -> Path:
        return self.path / "spec.json"

    @property
    def pid_file(self) -> Path:
        return self.path / "pid.json"

    @property
    def cancel_file(self) -> Path:
        return self.path / "cancel"

    @property
    def unit_end_file(self) -> Path:
        return self.path / "unit.json"

    @property
    def errors_file(self) -> Path:
        return self.path / "runner.err"

    def make(self, spec: RunSpec, group_id: int | None = None) -> bool:
        """Make the folder with its spec; False when a run was begun in it before.

        A folder in which nothing was begun is left over from a crash, and used.
        """
        try:
            self.path.mkdir(FOLDER_MODE)
        except FileExistsError:
            if self.has_begun or self.has_ended:
                return False
            self.unit_end_file.unlink(missing_ok=True)
        self.path.chmod(FOLDER_MODE)
        if group_id is not None:
            os.chown(self.path, -1, group_id)
        sync(self.path.parent)
        crashpoint("folder_made")
        self.write(self.spec_file, spec.to_json())
        crashpoint("spec_written")
        return True

    def claim(self, *, detached: bool) -> bool:
        """Become the one runner of this folder; False when there is or was another.

        Durable before it returns: a run that changed anything has always begun.
        """
        return self._take(RunnerProcess.current(detached=detached))

    def close(self) -> bool:
        """Keep every later runner out; False when one has the folder already."""
        return self._take(NOBODY)

    def _take(self, runner: RunnerProcess) -> bool:
        mine = self.path / f"pid.{os.getpid()}.{threading.get_ident()}"
        record = {name: getattr(runner, name) for name in RunnerProcess.__slots__}
        self.write(mine, record)
        try:
            os.link(mine, self.pid_file)
        except FileExistsError:
            return False
        finally:
            mine.unlink()
            sync(self.path)
        return True

    def ask_to_cancel(self) -> None:
        """Note down that zulip-ops wants the run to end, before anybody is told to."""
        self.write_text(self.cancel_file, "")

    @property
    def is_cancelled(self) -> bool:
        return self.cancel_file.exists()

    @property
    def has_begun(self) -> bool:
        return self.pid_file.exists()

    @property
    def has_ended(self) -> bool:
        return self.result_file.exists()

    def runner(self) -> RunnerProcess | None:
        """Who performs or performed the run; raises Unreadable."""
        try:
            record = Fields.parse(self.pid_file.read_bytes(), "pid.json")
        except FileNotFoundError:
            return None
        numbers = (record.whole("pid"), record.whole("start_time"))
        return RunnerProcess(*numbers, record.text("boot_id"), record.optional_whole("session"))

    def read_spec(self) -> RunSpec:
        """Raises Unreadable; OSError when it cannot be read at all."""
        return RunSpec.from_json(_json(self.spec_file))

    def read_result(self) -> RunResult | None:
        """How the run ended; None while it has not. Raises Unreadable."""
        try:
            return RunResult.from_json(_json(self.result_file))
        except FileNotFoundError:
            return None

    def reserve(self) -> None:
        """Take the room for the result before the run can use it up."""
        descriptor = self.open(self._new(self.result_file), os.O_WRONLY | os.O_CREAT)
        try:
            os.posix_fallocate(descriptor, 0, RESERVED_BYTES)
        finally:
            os.close(descriptor)

    def write_result(self, result: RunResult, patience: timedelta = RESULT_PATIENCE) -> None:
        """Tried again while the disk fails: the work is done, and only its end is not told yet.

        Every attempt writes all bytes anew: after a sync that failed the system may take those that
        it has for written. Raises OSError once patience ends.
        """
        crashpoint("before_result")
        give_up = time.monotonic() + patience.total_seconds()
        while True:
            try:
                self.write(self.result_file, result.to_json())
                return
            except OSError:
                if time.monotonic() >= give_up:
                    raise
            time.sleep(RESULT_PAUSE_SECONDS)

    def write(self, file: Path, record: Mapping[str, JSON]) -> None:
        """Whole or not at all, and durable."""
        self.write_text(file, json.dumps(record, indent=1) + "\n")

    def write_text(self, file: Path, text: str) -> None:
        """Whole or not at all, and durable."""
        new = self._new(file)
        content = text.encode(errors="replace")
        descriptor = self.open(new, os.O_WRONLY | os.O_CREAT)
        try:
            written = 0
            while written < len(content):
                written += os.write(descriptor, content[written:])
            os.ftruncate(descriptor, written)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if file == self.result_file:
            crashpoint("result_written")
        new.rename(file)
        sync(self.path)
        if file == self.result_file:
            crashpoint("result_renamed")

    def open(self, file: Path, flags: int) -> int:
        """A descriptor of a file that the folder's group may read."""
        flags |= os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(file, flags, FILE_MODE)
        if flags & os.O_CREAT:
            group_id = self.path.stat().st_gid
            os.fchmod(descriptor, FILE_MODE)
            if os.fstat(descriptor).st_gid != group_id:
                os.fchown(descriptor, -1, group_id)
        return descriptor

    def _new(self, file: Path) -> Path:
        return file.with_name(f"{file.name}.new")


def _json(file: Path) -> JSON:
    return dict(Fields.parse(file.read_bytes(), file.name).rest())
