"""Writes the journal of a run: what a handler says there is redacted first."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from handlers.contract import JSON, Clock
from handlers.host.directories import sync
from handlers.host.redaction import Redactor
from jobs.runs.crashpoints import crashpoint
from jobs.runs.output_log import OutputLog
from jobs.runs.records import Record, RecordKind
from jobs.runs.run_folder import RunFolder

#: Progress said more often than this is not written.
PROGRESS_EVERY = timedelta(seconds=1)


class JournalWriter:
    """Satisfies `handlers.contract.Progress`.

    A journal that cannot be written (the disk is full) is no reason to stop an upgrade half way:
    the run goes on, and `damage` says what happened.
    """

    def __init__(self, folder: RunFolder, redactor: Redactor, clock: Clock) -> None:
        self._descriptor = folder.open(folder.journal_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.damage: str | None = None
        self._redactor = redactor
        self._clock = clock
        self._number = 0
        self._next_progress = 0.0
        self._is_torn = False
        self.log = OutputLog(folder, redactor)
        self.facts: dict[str, JSON] = {}
        self.steps_done: list[str] = []
        #: The one under way, or the one that did not end well.
        self.present_step: str | None = None
        self._keep_names(folder)

    def started(self, pid: int, boot_id: str, mode: str) -> None:
        self._append(RecordKind.STARTED, {"pid": pid, "boot_id": boot_id, "mode": mode})

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        self.present_step = title
        self._next_progress = 0.0
        self._append(RecordKind.STEP, {"title": title})
        crashpoint("step_begun")
        self.log.note(f"== {title} ({self._clock.now():%Y-%m-%d %H:%M:%S} UTC)")
        ok = False
        try:
            yield
            ok = True
            self.steps_done.append(title)
            self.present_step = None
        finally:
            seconds = round(time.monotonic() - started, 3)
            self._append(RecordKind.STEP_DONE, {"title": title, "seconds": seconds, "ok": ok})
            self.sync()

    def progress(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None:
        if time.monotonic() < self._next_progress:
            return
        self._next_progress = time.monotonic() + PROGRESS_EVERY.total_seconds()
        content: dict[str, JSON] = {"sentence": sentence, "done": done, "total": total}
        self._append(RecordKind.PROGRESS, content)

    def fact(self, name: str, value: JSON) -> None:
        self.facts[name] = self.redacted(value)
        self._append(RecordKind.FACT, {"name": name, "value": value})

    def output(self, text: str) -> None:
        self.log.write(text)

    def finished(self, status: str) -> None:
        self._append(RecordKind.FINISHED, {"status": status})
        self.sync()

    def sync(self) -> None:
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self._note_damage(error)

    def close(self) -> None:
        try:
            os.close(self._descriptor)
        except OSError as error:
            self._note_damage(error)
        self.log.close()

    def redacted(self, value: JSON) -> JSON:
        """The same value with every secret in its texts hidden."""
        if isinstance(value, str):
            return self._redactor.redact(value)
        if isinstance(value, list):
            return [self.redacted(each) for each in value]
        if isinstance(value, dict):
            return {name: self.redacted(each) for name, each in value.items()}
        return value

    def _keep_names(self, folder: RunFolder) -> None:
        """What is synced later on is lost nevertheless as long as its name is not durable."""
        try:
            sync(folder.path)
        except OSError as error:
            self._note_damage(error)

    def _append(self, kind: RecordKind, content: dict[str, JSON]) -> None:
        self._number += 1
        redacted = {name: self.redacted(value) for name, value in content.items()}
        line = Record(self._number, self._clock.now(), kind, redacted).to_line()
        # After a line of which only a part was written, the next one begins afresh.
        line = b"\n" + line if self._is_torn else line
        try:
            self._is_torn = os.write(self._descriptor, line) < len(line)
        except OSError as error:
            self._note_damage(error)

    def _note_damage(self, error: OSError) -> None:
        self.damage = self.damage or f"The journal could not be written: {error.strerror}."
