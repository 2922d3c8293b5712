"""Reads a copy back while it is made: each object as soon as it is stored, from where it lies.

pg_restore and tar run beside the copying and are fed, in order, what was read from the store.
Nothing is read before its store has said that it is durably there.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from handlers.backups import database_dump
from handlers.backups.arrivals import Arrivals
from handlers.backups.fan_out import Destination
from handlers.backups.reading import tars
from handlers.backups.reading.read_back import ReadBack
from handlers.backups.repository import (
    CONFIGURATION,
    DATABASE,
    INDEX,
    STREAMS,
    UPLOADS,
    Snapshot,
)
from handlers.backups.sealing.keys import Keys
from handlers.backups.sealing.record import Sealing
from handlers.errors import Cancelled, HostFailure, Reason
from handlers.host.age import Identity
from handlers.host.processes import Process
from handlers.host.settings import DatabaseSettings
from handlers.host.store_contract import Store

#: For pg_restore to end once it was given everything.
EXIT_LIMIT = timedelta(minutes=1)
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Tools:
    """What reads a dump."""

    database: DatabaseSettings
    #: PostgreSQL's; None: there is no dump to be read.
    programs: Path | None


@dataclass(frozen=True, slots=True)
class Means:
    """What is needed to read one snapshot: tools, keys, and what it is sealed to."""

    tools: Tools
    keys: Keys = Keys()
    sealing: Sealing | None = None

    @property
    def opens_all(self) -> bool:
        """Whether the content can be read, and not only the stored bytes compared."""
        openers = (self.keys.openers(self.sealing, stream) for stream in STREAMS)
        return all(each is None or each for each in openers)


class Follower:
    """Reads the streams of one copy in one store, in two threads; the first failure ends both."""

    def __init__(
        self,
        snapshot: str,
        store: Store,
        arrivals: Mapping[str, Arrivals],
        means: Means,
        *,
        is_new: bool = False,
    ) -> None:
        """Of a new copy, which the same run is putting together, the tar of the uploads is held to
        its own hash and not file by file to the index, which came of the same bytes."""
        self.store = store
        self._is_new = is_new
        self._snapshot = snapshot
        self.read_bytes = 0
        self.read_objects = 0
        self._arrivals = arrivals
        self._tools, self._keys, self._sealing = means.tools, means.keys, means.sealing
        #: Without a key the stored bytes are compared with what was written, and no more.
        self.reads_content = means.opens_all
        self._stop = threading.Event()
        self._first_failure: BaseException | None = None
        self._readers: list[Process] = []
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=f"read-{store.name}")
        parts = self._reading() if self.reads_content else (self._compare,)
        self._parts = [self._threads.submit(self._guarded, part) for part in parts]

    def _reading(self) -> Sequence[Callable[[], None]]:
        """A copy of a part has not all streams."""
        files = {CONFIGURATION, UPLOADS} & set(self._arrivals)
        return (
            *((self._read_dump,) if DATABASE in self._arrivals else ()),
            *((self._read_files,) if files else ()),
        )

    def finish(self, tick: Callable[[], None]) -> None:
        """Wait until all was read; `tick` is called meanwhile.

        Raises HostFailure with the first object, file or byte that is not what was written.
        """
        pending = set(self._parts)
        while pending:
            _, pending = wait(pending, POLL_SECONDS)
            tick()
        if self._first_failure is not None:
            raise self._first_failure

    def close(self) -> None:
        """End what still reads, and wait for it."""
        self._end()
        self._threads.shutdown(wait=True)

    def read_uploads_of(self, earlier: Snapshot, tick: Callable[[], None]) -> bool:
        """The uploads that an earlier snapshot holds, beside its index; after `finish`.

        False where no key opens them: then their stored bytes were compared, and no more.
        """
        streams = (UPLOADS, INDEX)
        arrivals = {name: Arrivals.of(earlier.streams[name]) for name in streams}
        openers = {name: self._keys.openers(earlier.sealing, name) for name in streams}
        can_open = all(each is None or each for each in openers.values())

        def read() -> None:
            tar, index = (self._back(name, arrivals[name], openers[name]) for name in streams)
            if can_open:
                tars.compare_with_index(earlier.id, tar, index)
            else:
                tar.compare()
                index.compare()
            self._count(*arrivals.values())

        self._parts = [self._threads.submit(self._guarded, read)]
        self.finish(tick)
        return can_open

    def _guarded(self, part: Callable[[], None]) -> None:
        try:
            part()
        except BaseException as failure:
            # What the other part says after that comes of being ended.
            self._first_failure = self._first_failure or failure
            self._end()
            raise

    def _end(self) -> None:
        self._stop.set()
        for arrivals in self._arrivals.values():
            arrivals.give_up()
        for reader in tuple(self._readers):
            reader.kill()

    def _read_dump(self) -> None:
        programs = self._tools.programs
        assert programs is not None
        reader = database_dump.start_reading(self._tools.database, programs)
        self._feed(reader, DATABASE, "the dump")
        self._count(self._arrivals[DATABASE])

    def _read_files(self) -> None:
        if CONFIGURATION in self._arrivals:
            self._feed_tar(CONFIGURATION)
        if UPLOADS in self._arrivals:
            self._read_uploads()
        self._count(*(each for name, each in self._arrivals.items() if name != DATABASE))

    def _read_uploads(self) -> None:
        if self._is_new:
            self._feed_tar(UPLOADS)
            self._own(INDEX).read()
        else:
            tars.compare_with_index(self._snapshot, self._own(UPLOADS), self._own(INDEX))

    def _feed_tar(self, stream: str) -> None:
        self._feed(tars.start_listing(self._tools.database), stream, f"the tar of the {stream}")

    def _feed(self, reader: Process, stream: str, what: str) -> None:
        """Have a program of the host read a stream as it would for a restore, and keep nothing."""
        with reader:
            self._readers.append(reader)
            if self._stop.is_set():
                raise Cancelled
            try:
                database_dump.feed(reader, self._own(stream).plain(), EXIT_LIMIT)
            except HostFailure as failure:
                if failure.reason is not Reason.TOOL_FAILED:
                    raise
                raise _unreadable(self.store, reader, what, failure) from failure
            finally:
                self._readers.remove(reader)

    def _compare(self) -> None:
        for stream in self._arrivals:
            self._own(stream).compare()
        self._count(*self._arrivals.values())

    def _own(self, stream: str) -> ReadBack:
        openers = self._keys.openers(self._sealing, stream)
        return self._back(stream, self._arrivals[stream], openers)

    def _back(
        self, stream: str, arrivals: Arrivals, openers: Sequence[Identity] | None
    ) -> ReadBack:
        return ReadBack(self.store, arrivals, self._report, self._stop, openers)

    def _count(self, *read: Arrivals) -> None:
        self.read_objects += sum(len(each.record.objects) for each in read)

    def _report(self, size: int) -> None:
        self.read_bytes += size  # two threads add to it: for people, not for decisions


class Following:
    """The followers of one run; leaving the block ends those that still read."""

    def __init__(self) -> None:
        self._followers: dict[Destination, Follower] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._closing.close()

    def start(self, snapshot: str, destination: Destination, means: Means) -> None:
        """Read back what arrives there from now on, and what is there already."""
        follower = Follower(snapshot, destination.store, destination.arrivals, means, is_new=True)
        self._closing.callback(follower.close)
        self._followers[destination] = follower

    def of(self, destination: Destination) -> Follower:
        return self._followers[destination]

    @property
    def read_bytes(self) -> int:
        """Stored bytes that were read back so far, of all stores together."""
        return sum(each.read_bytes for each in self._followers.values())


def _unreadable(store: Store, reader: Process, what: str, failure: HostFailure) -> HostFailure:
    return HostFailure(
        f"Store {store.name}: {Path(reader.argv[0]).name} could not read {what} to its end.",
        reason=Reason.VERIFICATION_FAILED,
        hint="Do not rely on this copy; take a new one.",
        tail=failure.tail,
    )
