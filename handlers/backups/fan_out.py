"""Sends each sealed object to every store at once, within one budget of memory."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from handlers.backups.arrivals import Arrivals
from handlers.backups.repository import STREAMS, Snapshot
from handlers.errors import Cancelled, HostFailure
from handlers.host.store_contract import Store

#: Sealed objects in memory, sent to all stores together; the runner shall stay below 200 MB.
BUDGET_BYTES = 40 * 1024 * 1024
#: Two, so that one waits for the disk or the network while the other sends.
SENDERS = 2
POLL_SECONDS = 0.2


@dataclass(slots=True, eq=False)
class Destination:
    """One store in this run, and what became of it so far."""

    store: Store
    failure: HostFailure | None = None
    sent_keys: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    #: What lies there already, by stream, for who reads it back.
    arrivals: Mapping[str, Arrivals] = field(
        default_factory=lambda: {name: Arrivals() for name in STREAMS}
    )
    #: From then on nothing of it may be removed: the record may have been written.
    commit_tried: bool = False
    #: The commit record, once it is there.
    snapshot: Snapshot | None = None

    @property
    def is_usable(self) -> bool:
        return self.failure is None

    def fail(self, failure: HostFailure) -> None:
        """Nothing more is sent there; the first failure is the one that is told."""
        self.failure = self.failure or failure
        for arrivals in self.arrivals.values():
            arrivals.give_up()


class FanOut:
    """The senders of one run; `send` waits while the budget is spent."""

    def __init__(
        self,
        stores: Iterable[Store],
        *,
        streams: Sequence[str] = STREAMS,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self.destinations = tuple(
            Destination(store, arrivals={name: Arrivals() for name in streams}) for store in stores
        )
        self._budget_bytes = budget_bytes
        self._used_bytes = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._senders = {
            each: ThreadPoolExecutor(SENDERS, thread_name_prefix=f"send-{each.store.name}")
            for each in self.destinations
        }
        self._pending: set[Future[None]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and wait for what is being sent at this moment."""
        self.stop()
        for senders in self._senders.values():
            senders.shutdown(wait=True, cancel_futures=True)

    @property
    def usable(self) -> tuple[Destination, ...]:
        return tuple(each for each in self.destinations if each.is_usable)

    def stop(self) -> None:
        """Send nothing more; who waits in `send` is told so."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def check(self) -> None:
        """Raise Cancelled after `stop`, so that who only reads ends too."""
        if self._stopped:
            raise Cancelled

    def send(
        self,
        key: str,
        data: bytes | bytearray,
        to: Sequence[Destination],
        *,
        stored: Callable[[Destination], None] = lambda _: None,
    ) -> None:
        """Hand one object to the senders; called from the threads that make objects.

        `stored` is told of each store in which the object durably lies, once it does. Raises
        HostFailure when none of these stores is left, and Cancelled after `stop`.
        """
        receivers = [each for each in to if each.is_usable]
        if not receivers:
            raise next(each.failure for each in to if each.failure is not None)
        parcel = _Parcel(key, data, stored, waiting_for=len(receivers))
        with self._changed:
            while self._used_bytes and self._used_bytes + len(data) > self._budget_bytes:
                if self._stopped:
                    break
                self._changed.wait()
            if self._stopped:
                raise Cancelled
            self._used_bytes += len(data)
            for each in receivers:
                self._pending.add(self._senders[each].submit(self._deliver, each, parcel))

    def drain(self) -> None:
        """Wait until everything that was handed over has been stored or has failed."""
        while True:
            with self._changed:
                pending = {each for each in self._pending if not each.done()}
                finished, self._pending = self._pending - pending, pending
            for each in finished:
                each.result()
            if not pending:
                return
            wait(pending, timeout=POLL_SECONDS)

    def _deliver(self, destination: Destination, parcel: "_Parcel") -> None:
        try:
            if destination.is_usable and not self._stopped:
                # Noted before: what is half sent has to be removed as well.
                destination.sent_keys.append(parcel.key)
                destination.store.put(parcel.key, parcel.data)
                with self._changed:
                    destination.sent_bytes += len(parcel.data)
                parcel.stored(destination)
        except HostFailure as failure:
            destination.fail(failure)
        finally:
            self._give_back(parcel)

    def _give_back(self, parcel: "_Parcel") -> None:
        with self._changed:
            parcel.waiting_for -= 1
            if parcel.waiting_for == 0:
                self._used_bytes -= len(parcel.data)
                parcel.data = b""
                self._changed.notify_all()


@dataclass(slots=True)
class _Parcel:
    key: str
    data: bytes | bytearray
    stored: Callable[[Destination], None]
    waiting_for: int
