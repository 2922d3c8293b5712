"""Keeps the last of a stream, and cuts streams into lines, in bounded memory."""

#: How much of a stream is kept; a tool that says more has its beginning cut off.
KEPT_BYTES = 1024 * 1024
#: A longer line is left out whole: cut in two, half a secret would go unrecognized.
LONGEST_LINE_BYTES = 1024 * 1024
LINE_LEFT_OUT = b"[a line of more than 1 MiB was left out]\n"


class Tail:
    """The last bytes of a stream, and how many came before them."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._kept = bytearray()
        self._cut_bytes = 0

    def add(self, chunk: bytes) -> None:
        self._kept += chunk
        # Let it grow to twice the size before it is cut, so that the cost stays linear.
        if len(self._kept) > 2 * self._kept_bytes:
            self._cut()

    def text(self) -> str:
        """What is kept, after a line that says how much is not."""
        self._cut()
        text = self._kept.decode(errors="replace")
        if not self._cut_bytes:
            return text
        return f"[{self._cut_bytes} bytes before this were left out]\n{text}"

    def whole_lines(self) -> str:
        """What is kept without a first line that was cut in two: it may begin inside a secret."""
        self._cut()
        kept = self._kept.partition(b"\n")[2] if self._cut_bytes else self._kept
        return kept.decode(errors="replace")

    def _cut(self) -> None:
        surplus = len(self._kept) - self._kept_bytes
        if surplus > 0:
            del self._kept[:surplus]
            self._cut_bytes += surplus


class Lines:
    """Hands on whole lines only, so that the lines of two streams never mix."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> bytes:
        """The lines that are complete now; an empty chunk is the end."""
        lines, newline, rest = chunk.rpartition(b"\n")
        complete = b""
        if newline or not chunk:
            first, newline, others = (lines + newline).partition(b"\n")
            complete = self._line(first + newline) + others
            self._pieces, self._length = [], 0
        self._length += len(rest)
        if self._length <= LONGEST_LINE_BYTES:
            self._pieces.append(rest)
        return complete

    def _line(self, end: bytes) -> bytes:
        if self._length > LONGEST_LINE_BYTES:
            return LINE_LEFT_OUT
        return b"".join((*self._pieces, end))
