"""A stand-in for the privileged helper: serves its protocol on a socket by a launcher."""

import os
import socketserver
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.launcher import Launcher
from jobs.launching.helper_protocol import LONGEST_LINE_BYTES, answer


class FakeHelper:
    """Whoever may open the socket may ask; the real one looks at who it is and at the consent."""

    def __init__(self, socket_path: Path, launcher: Launcher, *, group_id: int = -1) -> None:
        #: How many of the next answers are lost, after what was asked for has been done.
        self.loses = 0

        class Connection(socketserver.StreamRequestHandler):
            def handle(connection) -> None:  # noqa: N805 -- `self` is the helper's
                said = answer(launcher, connection.rfile.readline(LONGEST_LINE_BYTES))
                if self.loses:
                    self.loses -= 1
                else:
                    connection.wfile.write(said)

        self._server = socketserver.UnixStreamServer(str(socket_path), Connection)
        os.chown(socket_path, -1, group_id)
        socket_path.chmod(0o660)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
