"""Takes commands from the host's own command line, over a socket that only root can open."""

import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from bot.events import Event, HostCommand

_logger = logging.getLogger(__name__)

#: How long the dispatcher may take for an answer; `status --fresh` waits ten seconds.
ANSWER_SECONDS = 15
#: A command is one short line; whatever is longer is none.
_LONGEST_REQUEST_BYTES = 4096


class HostSocket:
    """One JSON line in (`command`), one out (`text`, `job`); the peer must be root or ourselves."""

    def __init__(self, path: Path, tell: Callable[[Event], None]) -> None:
        self._path = path
        self._tell = tell
        self._listening: socket.socket | None = None

    def start(self) -> None:
        with suppress(FileNotFoundError):
            self._path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(os.fspath(self._path))
        # The peer's user is looked at too, so nobody gains by the moment before this.
        self._path.chmod(0o600)
        listening.listen(4)
        self._listening = listening
        threading.Thread(
            target=self._accept, args=(listening,), name="host-socket", daemon=True
        ).start()

    def stop(self) -> None:
        if self._listening is not None:
            # Closing alone leaves the thread in accept.
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(ANSWER_SECONDS)
            with suppress(OSError, ValueError):
                if _peer_user(connection) not in {0, os.getuid()}:
                    return
                request = json.loads(_read_line(connection))
                text, job = self._ask(str(request["command"]))
                answer = {"version": 1, "text": text, "job": job}
                connection.sendall(json.dumps(answer).encode() + b"\n")

    def _ask(self, command: str) -> tuple[str, int | None]:
        answers: SimpleQueue[tuple[str, int | None]] = SimpleQueue()
        self._tell(HostCommand(command, answers))
        try:
            return answers.get(timeout=ANSWER_SECONDS)
        except Empty:
            return "The bot did not answer in time; its log says more.", None


def _read_line(connection: socket.socket) -> bytes:
    read = b""
    while not read.endswith(b"\n") and len(read) < _LONGEST_REQUEST_BYTES:
        chunk = connection.recv(_LONGEST_REQUEST_BYTES)
        if not chunk:
            break
        read += chunk
    return read


def _peer_user(connection: socket.socket) -> int:
    """Who is at the other end; the user is what the kernel vouches for, a process id is not."""
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    user: int = struct.unpack("3i", credentials)[1]
    return user
