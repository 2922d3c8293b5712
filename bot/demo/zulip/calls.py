"""The log of requests that the simulated server keeps for assertions."""

import threading
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `status` is 0 when the connection ended without an answer."""

    method: str
    path: str
    #: Address in the Authorization header, whether or not the key was right.
    user: str | None
    status: int
    at: datetime
    seconds: float


class CallLog:
    """Appended to by the server's thread, read by tests."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def matching(self, method: str | None, path: str | None, user: str | None) -> list[Call]:
        """In the order in which they ended; `path` is compared whole, without the query."""
        with self._lock:
            return [
                call
                for call in self._calls
                if method in {None, call.method}
                and path in {None, call.path}
                and user in {None, call.user}
            ]

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
