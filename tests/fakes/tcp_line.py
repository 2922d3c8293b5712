"""A line between a client and a real server that a test can cut."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK_BYTES = 64 * 1024


class TcpLine:
    """Passes every byte on, until it is cut: at once, or after so many bytes in one direction."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        #: Bytes still passed on towards the server; None: all.
        self._upward: int | None = None
        #: Bytes of the next answer still passed on, once; None: all.
        self._downward: int | None = None
        self._is_cut = False
        self.connections = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.cut()

    def cut_after(self, upward_bytes: int) -> None:
        """The server is gone for good once so many more bytes have been sent to it."""
        with self._lock:
            self._upward = upward_bytes

    def break_answer_after(self, downward_bytes: int) -> None:
        """One connection breaks after so many more bytes of answers; later ones work again."""
        with self._lock:
            self._downward = downward_bytes

    def cut(self) -> None:
        """Refuse new connections and end the present ones."""
        with self._lock:
            self._is_cut = True
            _end(self._listener)
            for each in self._open:
                _end(each)
            self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open += [client, server]
            for source, sink, is_upward in ((client, server, True), (server, client, False)):
                arguments = (source, sink, is_upward)
                threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_upward: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                if not self._may_pass(len(chunk), is_upward):
                    break
                sink.sendall(chunk)
        _end(source)
        _end(sink)

    def _may_pass(self, size: int, is_upward: bool) -> bool:
        with self._lock:
            if is_upward and self._upward is not None:
                self._upward -= size
            if not is_upward and self._downward is not None:
                self._downward -= size
            gone = self._upward is not None and self._upward < 0
            broken = self._downward is not None and self._downward < 0
            if broken:
                self._downward = None
        if gone:
            self.cut()
        return not gone and not broken


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        connection.close()
