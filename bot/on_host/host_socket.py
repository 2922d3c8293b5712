"""Takes commands from the host's own command line, over a socket that only root can open."""

import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from bot.events import Event, HostAnswer, HostCommand

_logger = logging.getLogger(__name__)

#: How long the dispatcher may take for an answer; `status --fresh` waits ten seconds.
ANSWER_SECONDS = 15
#: A command is one short line; whatever is longer is none.
_LONGEST_REQUEST_BYTES = 4096


class HostSocket:
    """One JSON line in (`command`), one out (`text`, `job`, `is_refusal`, or `refused` when not
    taken at all); the peer must be root or ourselves.
    """

    def __init__(self, path: Path, tell: Callable[[Event], None]) -> None:
        self._path = path
        self._tell = tell
        self._listening: socket.socket | None = None

    def start(self) -> None:
        """Raises OSError."""
        with suppress(FileNotFoundError):
            self._path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with short_address(self._path) as address:
            listening.bind(address)
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
                answer = self._answer(connection)
                connection.sendall(json.dumps({"version": 1, **answer}).encode() + b"\n")

    def _answer(self, connection: socket.socket) -> dict[str, object]:
        user = _peer_user(connection)
        # Read in any case: a socket that is closed with something unread may take the answer away.
        line = _read_line(connection)
        if user not in {0, os.getuid()}:
            return {"refused": f"{self._path} takes commands from root alone."}
        request = json.loads(line)
        if not isinstance(request, dict) or not isinstance(request.get("command"), str):
            return {"refused": "That is no request."}
        answers: SimpleQueue[HostAnswer] = SimpleQueue()
        self._tell(HostCommand(request["command"], user, answers))
        try:
            answer = answers.get(timeout=ANSWER_SECONDS)
        except Empty:
            return {"refused": "The bot did not answer in time; its log says more."}
        return {"text": answer.text, "job": answer.job_id, "is_refusal": answer.is_refusal}


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """The address of a socket; the system takes at most 107 bytes, and paths may be longer."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


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
