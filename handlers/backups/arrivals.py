"""The objects of one stream in one store, in order, each from the moment at which it lies there."""

import threading
from collections.abc import Iterator

from handlers.backups.repository import StoredObject, StreamRecord
from handlers.errors import Cancelled


class Arrivals:
    """What is stored is announced in any order, and followed in order by another thread."""

    def __init__(self) -> None:
        self._there: dict[int, StoredObject] = {}
        self._record: StreamRecord | None = None
        self._given_up = False
        self._changed = threading.Condition()

    @classmethod
    def of(cls, record: StreamRecord) -> "Arrivals":
        """A stream that was stored whole some time ago."""
        arrivals = cls()
        arrivals._there = dict(enumerate(record.objects))
        arrivals._record = record
        return arrivals

    def arrived(self, number: int, each: StoredObject) -> None:
        """The object with this number (from 0) is durably stored."""
        with self._changed:
            self._there[number] = each
            self._changed.notify_all()

    def complete(self, record: StreamRecord) -> None:
        """The stream has ended; its last objects may still be on their way."""
        with self._changed:
            self._record = record
            self._changed.notify_all()

    def give_up(self) -> None:
        """Nothing more will arrive, or nobody wants to know: who follows is told."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def objects(self) -> Iterator[StoredObject]:
        """Every object of the stream, waiting for each; Cancelled when it was given up."""
        number = 0
        while (each := self._wait_for(number)) is not None:
            yield each
            number += 1

    @property
    def record(self) -> StreamRecord:
        """What the whole stream was; known once `objects` has ended."""
        assert self._record is not None
        return self._record

    def _wait_for(self, number: int) -> StoredObject | None:
        """The object, once it lies there; None after the last one."""
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or self._is_decided(number))
            if self._given_up:
                raise Cancelled
            return self._there.get(number)

    def _is_decided(self, number: int) -> bool:
        has_ended = self._record is not None and number >= len(self._record.objects)
        return has_ended or number in self._there
