"""The lines of a journal, in which a run tells what it is doing."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from handlers.contract import JSON, Facts
from jobs.runs.fields import Fields, Unreadable

RECORD_VERSION = 1


class RecordKind(StrEnum):
    """What a line of the journal tells."""

    STARTED = "started"  # pid, boot_id, mode
    STEP = "step"  # title
    STEP_DONE = "step_done"  # title, seconds, ok
    PROGRESS = "progress"  # sentence, done, total
    FACT = "fact"  # name, value
    FINISHED = "finished"  # status


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal."""

    number: int
    at: datetime
    kind: RecordKind
    content: Facts

    def to_line(self) -> bytes:
        head: dict[str, JSON] = {
            "v": RECORD_VERSION,
            "n": self.number,
            "at": self.at.isoformat(),
            "kind": self.kind.value,
        }
        return json.dumps(head | dict(self.content)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Record":
        """The inverse of `to_line`; raises Unreadable."""
        record = Fields.parse(line, "a record of the journal")
        record.version("v", RECORD_VERSION)
        kind = record.text("kind")
        if kind not in set(RecordKind):
            raise Unreadable(f"A record of the journal is of the kind {kind!r}.")
        content = record.rest("v", "n", "at", "kind")
        return cls(record.whole("n"), record.moment("at"), RecordKind(kind), content)
