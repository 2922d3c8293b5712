"""Follows a journal while it is written, from where it was left off."""

from pathlib import Path

from jobs.runs.fields import Unreadable
from jobs.runs.records import Record


class JournalReader:
    """Hands out each complete record once; `offset` (bytes) is where to go on after a restart."""

    def __init__(self, file: Path, offset: int = 0) -> None:
        self._file = file
        self.offset = offset
        #: Lines that were no record; a torn one is followed by the next.
        self.damaged = 0

    def has_more(self) -> bool:
        """Whether anything was written since; costs one look at the file's size."""
        try:
            return self._file.stat().st_size > self.offset
        except FileNotFoundError:
            return False

    def read(self) -> list[Record]:
        """The records that are complete now; a half-written last line waits."""
        try:
            with self._file.open("rb") as journal:
                journal.seek(self.offset)
                complete, newline, _ = journal.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self.offset += len(complete) + len(newline)
        return [record for line in complete.splitlines() if (record := self._record(line))]

    def _record(self, line: bytes) -> Record | None:
        try:
            return Record.from_line(line) if line else None
        except Unreadable:
            self.damaged += 1
            return None
