"""A real store behind a plug that is pulled, or that lets nothing be deleted."""

from collections.abc import Callable, Iterator

from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Entry, Store


class PowerCut(BaseException):
    """The end of the process: nothing in the program handles it."""


def power_cut() -> None:
    raise PowerCut


class CutStore:
    """Ends everything before the change of this number is made.

    Once it was cut it stays so: what a dying process would still do does not happen.
    """

    def __init__(self, store: Store, *, at: int = -1, end: Callable[[], None] = power_cut) -> None:
        self.name = store.name
        self.changes = 0
        #: Keys of which the store lets none be deleted; by their beginnings.
        self.locked: tuple[str, ...] = ()
        #: Deletes are carried out, and the answer is lost.
        self.loses_answers = False
        self._store = store
        self._at = at
        self._end = end
        self._is_cut = False

    def put(self, key: str, data: bytes | bytearray) -> None:
        self._change(lambda: self._store.put(key, data))

    def claim(self, key: str, data: bytes) -> bool:
        won: list[bool] = []
        self._change(lambda: won.append(self._store.claim(key, data)))
        return won[0]

    def delete(self, key: str) -> None:
        if key.startswith(self.locked) and self.locked:
            raise self._failure("AccessDenied")
        self._change(lambda: self._store.delete(key))
        if self.loses_answers:
            raise self._failure("no answer")

    def get(self, key: str) -> bytes:
        self._look()
        return self._store.get(key)

    def stream(self, key: str) -> Iterator[bytes]:
        self._look()
        return self._store.stream(key)

    def exists(self, key: str) -> bool:
        self._look()
        return self._store.exists(key)

    def entries(self, prefix: str) -> Iterator[Entry]:
        self._look()
        return self._store.entries(prefix)

    def check(self) -> None:
        self._store.check()

    def free_bytes(self) -> int | None:
        return self._store.free_bytes()

    def _look(self) -> None:
        if self._is_cut:
            self._end()

    def _change(self, make: Callable[[], object]) -> None:
        self._is_cut = self._is_cut or self.changes == self._at
        self._look()
        self.changes += 1
        make()

    def _failure(self, how: str) -> HostFailure:
        return HostFailure(f"Store {self.name}: {how}.", reason=Reason.STORE_FAILED)
