"""The file with all that the tools of a run said, redacted and of bounded size."""

import os
from contextlib import suppress

from handlers.host.redaction import Redactor
from handlers.host.tails import Tail
from jobs.runs.run_folder import RunFolder

LARGEST_BYTES = 50 * 1024 * 1024
TAIL_BYTES = 16 * 1024
TAIL_LINES = 25


class OutputLog:
    """Never raises: a full disk must not end the run that wanted to tell of it."""

    def __init__(
        self, folder: RunFolder, redactor: Redactor, *, largest_bytes: int = LARGEST_BYTES
    ) -> None:
        self._descriptor = folder.open(folder.output_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._stream = redactor.stream()
        self._tail = Tail(TAIL_BYTES)
        self._room = largest_bytes
        self._is_cut = False

    def write(self, text: str) -> None:
        self._store(self._stream.feed(text).encode(errors="replace"))

    def note(self, line: str) -> None:
        """A line of our own, also after the log was cut."""
        self._store((self._stream.end() + self._stream.feed(line + "\n")).encode(errors="replace"))

    def tail(self) -> str:
        """The last whole lines."""
        return "\n".join(self._tail.whole_lines().splitlines()[-TAIL_LINES:])

    def sync(self) -> None:
        with suppress(OSError):
            os.fsync(self._descriptor)

    def close(self) -> None:
        self._store(self._stream.end().encode(errors="replace"))
        self.sync()
        with suppress(OSError):
            os.close(self._descriptor)

    def _store(self, data: bytes) -> None:
        self._tail.add(data)
        if self._is_cut or not data:
            return
        if len(data) > self._room:
            data = data[: self._room].rpartition(b"\n")[0]
            data += f"\n[the log was cut here, at {LARGEST_BYTES >> 20} MiB]\n".encode()
            self._is_cut = True
        self._room -= len(data)
        with suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]
