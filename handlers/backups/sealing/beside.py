"""Seals and opens objects in threads beside those that compress, send, decompress and read."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Full, Queue

from handlers.errors import Cancelled
from handlers.host.age import CannotOpen, Identity, open_sealed, seal

#: Pieces of at most a few hundred kilobytes on their way from one thread to the other.
PIECES = 8
POLL_SECONDS = 0.2


class SealedObject:
    """One object while it is made: takes compressed bytes, and is a file of age at its end."""

    def __init__(
        self, recipients: Sequence[str], threads: Executor, check: Callable[[], None]
    ) -> None:
        self._pieces: Queue[bytes | None] = Queue(PIECES)
        #: Raises Cancelled when nobody wants the object any more.
        self._check = check
        self._sealed = threads.submit(seal, self._source(), recipients)
        #: Bytes before sealing, which adds less than one in a thousand.
        self.size = 0

    def extend(self, data: bytes) -> None:
        if data:
            self.size += len(data)
            self._put(data)

    def close(self) -> bytearray:
        """The whole of it."""
        self._put(None)
        return self._sealed.result()

    def _put(self, piece: bytes | None) -> None:
        while not self._sealed.done():
            with suppress(Full):
                self._pieces.put(piece, timeout=POLL_SECONDS)
                return
        self._sealed.result()

    def _source(self) -> Iterator[bytes]:
        while True:
            try:
                piece = self._pieces.get(timeout=POLL_SECONDS)
            except Empty:
                self._check()
                continue
            if piece is None:
                return
            yield piece


def opened(stored: Iterable[bytes], identities: Sequence[Identity]) -> Iterator[bytes]:
    """What a sealed object holds; `stored` is read to its end in any case.

    Raises what `stored` raises, so that bytes which are not what was written are told as such,
    and CannotOpen where they are and none of the keys fits.
    """
    pieces: Queue[bytes | None] = Queue(PIECES)
    given_up = threading.Event()

    def hand_on(piece: bytes | None) -> None:
        while not given_up.is_set():
            with suppress(Full):
                pieces.put(piece, timeout=POLL_SECONDS)
                return
        raise Cancelled

    with ThreadPoolExecutor(1, thread_name_prefix="open") as thread:
        opening = thread.submit(_open_all, iter(stored), identities, hand_on)
        try:
            while (piece := pieces.get()) is not None:
                yield piece
        finally:
            given_up.set()
        opening.result()


def _open_all(
    stored: Iterator[bytes],
    identities: Sequence[Identity],
    hand_on: Callable[[bytes | None], None],
) -> None:
    """All pieces, and None after the last one, however it ended."""
    try:
        try:
            open_sealed(stored, identities, hand_on)
        except CannotOpen:
            _read_to_its_end(stored)
            raise
        _read_to_its_end(stored)
    finally:
        with suppress(Cancelled):
            hand_on(None)


def _read_to_its_end(stored: Iterator[bytes]) -> None:
    for _ in stored:
        pass
