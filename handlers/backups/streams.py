"""Turns a plain stream into sealed objects on their way to the stores."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import zstandard

from handlers.backups.fan_out import Destination, FanOut
from handlers.backups.repository import (
    DATABASE,
    UPLOADS,
    StoredObject,
    StreamRecord,
    object_key,
)

LEVEL = 3
THREADS = 2
#: Work in the compressor's threads; what is in flight when an object is cut goes into it too.
JOB_BYTES = 1024 * 1024
#: An object is cut here; what the compressor still holds keeps it below 32 MiB.
OBJECT_BYTES = 16 * 1024 * 1024
#: Smaller pieces are gathered before they are hashed and compressed.
GATHER_BYTES = 256 * 1024
#: Fed in pieces so small that what comes of one is never moved to make room for more of it, and
#: is still in the processor's cache when it is hashed.
COMPRESSED_BYTES = 256 * 1024
DECOMPRESSED_BYTES = 1024 * 1024


class ObjectWriter:
    """Takes the bytes of one stream; every object is one whole zstd frame with its checksum."""

    def __init__(
        self, snapshot: str, name: str, fan_out: FanOut, to: Sequence[Destination]
    ) -> None:
        self._snapshot, self._name = snapshot, name
        self._fan_out, self._to = fan_out, to
        # Of the uploads, each file's own hash stands in the index: no byte is hashed twice.
        self._plain = None if name == UPLOADS else hashlib.sha256()
        self.plain_bytes = 0
        self._gathered = bytearray()
        self._objects: list[StoredObject] = []
        self._compressor = zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters.from_level(
                LEVEL,
                threads=THREADS if name in (DATABASE, UPLOADS) else 0,
                job_size=JOB_BYTES,
                write_checksum=True,
            )
        )
        self._begin()

    def write(self, data: bytes | bytearray) -> None:
        """Compress, and send what is complete; waits while the stores are behind."""
        if not self._gathered and len(data) >= GATHER_BYTES:
            self._compress(data)
            return
        self._gathered += data
        if len(self._gathered) >= GATHER_BYTES:
            gathered, self._gathered = self._gathered, bytearray()
            self._compress(gathered)

    def close(self, format_: str, command: tuple[str, ...] | None = None) -> StreamRecord:
        """Send the rest; the record tells what the stream was."""
        self._compress(self._gathered)
        if self._holds_data or not self._objects:
            self._seal()
        record = StreamRecord(
            format=format_,
            objects=tuple(self._objects),
            plain_bytes=self.plain_bytes,
            plain_sha256=None if self._plain is None else self._plain.hexdigest(),
            command=command,
        )
        for destination in self._to:
            destination.arrivals[self._name].complete(record)
        return record

    def _begin(self) -> None:
        self._frame = self._compressor.compressobj()
        # Grown in place and handed over as it is: joining pieces would need twice the memory.
        self._sealed = bytearray()
        self._holds_data = False

    def _compress(self, data: bytes | bytearray) -> None:
        if not data:
            return
        self._fan_out.check()
        if self._plain is not None:
            self._plain.update(data)
        self.plain_bytes += len(data)
        self._sealed += self._frame.compress(data)
        self._holds_data = True
        if len(self._sealed) >= OBJECT_BYTES:
            self._seal()

    def _seal(self) -> None:
        self._sealed += self._frame.flush()
        data = self._sealed
        self._begin()
        number = len(self._objects)
        key = object_key(self._snapshot, self._name, number + 1)
        each = StoredObject(key, len(data), hashlib.sha256(data).hexdigest())
        self._objects.append(each)

        def stored(destination: Destination) -> None:
            destination.arrivals[self._name].arrived(number, each)

        self._fan_out.send(key, data, self._to, stored=stored)


def plain_of(stored: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress the chunks of one object; ZstdError unless it is exactly one whole frame."""
    frame = zstandard.ZstdDecompressor().decompressobj(write_size=DECOMPRESSED_BYTES)
    for chunk in stored:
        view = memoryview(chunk)
        for start in range(0, len(view), COMPRESSED_BYTES):
            if plain := frame.decompress(view[start : start + COMPRESSED_BYTES]):
                yield plain
    if not frame.eof or frame.unused_data:
        raise zstandard.ZstdError("not one whole frame")
