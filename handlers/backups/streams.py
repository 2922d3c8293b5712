"""Turns a plain stream into objects, compressed and perhaps sealed, on their way to the stores."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import zstandard

from handlers.backups.fan_out import Destination, FanOut
from handlers.backups.repository import (
    DATABASE,
    UPLOADS,
    StoredObject,
    StreamRecord,
    object_key,
)
from handlers.backups.sealing.beside import SealedObject

LEVEL = 3
THREADS = 2
#: Work in the compressor's threads; what is in flight when an object is cut goes into it too.
JOB_BYTES = 1024 * 1024
#: Each job begins without what went before: a fifth less work for half a percent more bytes.
NO_OVERLAP = 1
#: An object is cut here; what the compressor still holds keeps it below 32 MiB.
OBJECT_BYTES = 16 * 1024 * 1024
#: Smaller pieces are gathered before they are hashed and compressed.
GATHER_BYTES = 256 * 1024
#: Fed in pieces so small that what comes of one is never moved to make room for more of it, and
#: is still in the processor's cache when it is hashed.
COMPRESSED_BYTES = 256 * 1024
DECOMPRESSED_BYTES = 1024 * 1024


class OpenObject:
    """One object while it is made, as it is."""

    def __init__(self) -> None:
        # Grown in place and handed over as it is: joining pieces would need twice the memory.
        self._data = bytearray()

    @property
    def size(self) -> int:
        return len(self._data)

    def extend(self, data: bytes) -> None:
        self._data += data

    def close(self) -> bytearray:
        return self._data


class ObjectWriter:
    """Takes the bytes of one stream; every object is one whole zstd frame with its checksum.

    With recipients each of these is sealed to them.
    """

    def __init__(
        self,
        snapshot: str,
        name: str,
        fan_out: FanOut,
        to: Sequence[Destination],
        recipients: Sequence[str] = (),
    ) -> None:
        self._snapshot, self._name = snapshot, name
        self._fan_out, self._to = fan_out, to
        self._recipients = recipients
        self._sealers = ThreadPoolExecutor(1, thread_name_prefix=f"seal-{name}")
        self._plain = hashlib.sha256()
        self.plain_bytes = 0
        self._gathered = bytearray()
        self._objects: list[StoredObject] = []
        self._compressor = zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters.from_level(
                LEVEL,
                threads=THREADS if name in (DATABASE, UPLOADS) else 0,
                job_size=JOB_BYTES,
                overlap_log=NO_OVERLAP,
                write_checksum=True,
            )
        )
        self._object: OpenObject | SealedObject | None = None

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
        if self._object is not None or not self._objects:
            self._cut(self._object or self._begin())
        self._sealers.shutdown()
        record = StreamRecord(
            format=format_,
            objects=tuple(self._objects),
            plain_bytes=self.plain_bytes,
            plain_sha256=self._plain.hexdigest(),
            command=command,
        )
        for destination in self._to:
            destination.arrivals[self._name].complete(record)
        return record

    def _begin(self) -> OpenObject | SealedObject:
        self._frame = self._compressor.compressobj()
        if not self._recipients:
            return OpenObject()
        return SealedObject(self._recipients, self._sealers, self._fan_out.check)

    def _compress(self, data: bytes | bytearray) -> None:
        if not data:
            return
        self._fan_out.check()
        self._plain.update(data)
        self.plain_bytes += len(data)
        self._object = self._object or self._begin()
        self._object.extend(self._frame.compress(data))
        if self._object.size >= OBJECT_BYTES:
            self._cut(self._object)

    def _cut(self, whole: OpenObject | SealedObject) -> None:
        """Hand the object over; what comes from now on is another one's."""
        whole.extend(self._frame.flush())
        data = whole.close()
        self._object = None
        number = len(self._objects)
        is_sealed = bool(self._recipients)
        key = object_key(self._snapshot, self._name, number + 1, is_sealed=is_sealed)
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
