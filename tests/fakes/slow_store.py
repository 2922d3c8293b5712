"""A store in memory that takes its time, or refuses."""

import threading
from collections.abc import Iterator

from handlers.errors import HostFailure, Reason
from handlers.host.store_contract import Entry


class SlowStore:
    """Writes nothing before `go` is set; refuses keys that end as `refused` says."""

    def __init__(self, name: str, *, refused: str = "nothing") -> None:
        self.name = name
        self.go = threading.Event()
        self.objects: dict[str, bytes] = {}
        self._refused = refused

    def put(self, key: str, data: bytes | bytearray) -> None:
        assert self.go.wait(10)
        if key.endswith(self._refused):
            raise HostFailure(f"Store {self.name} refuses {key}.", reason=Reason.STORE_FAILED)
        self.objects[key] = bytes(data)

    def claim(self, key: str, data: bytes) -> bool:
        if key in self.objects:
            return self.objects[key] == data
        self.put(key, data)
        return True

    def get(self, key: str) -> bytes:
        return self.objects[key]

    def stream(self, key: str) -> Iterator[bytes]:
        yield self.objects[key]

    def exists(self, key: str) -> bool:
        return key in self.objects

    def entries(self, prefix: str) -> Iterator[Entry]:
        for key, data in sorted(self.objects.items()):
            if key.startswith(prefix):
                yield Entry(key, len(data))

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def check(self) -> None:
        pass

    def free_bytes(self) -> int | None:
        return None
