"""Answers the two questions that the host asks Zulip, over real HTTP, as a test wants it."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(slots=True)
class SmallZulip:
    """What it says may be changed while it runs."""

    url: str = ""
    version: str = "9.2"
    feature_level: int = 278
    #: Of `/health`; 200 means ready.
    status: int = 200
    body: bytes = b'{"result":"success","msg":""}'
    #: Before anything is answered.
    delay_seconds: float = 0.0
    location: str | None = None

    def be_unready(self, message: str) -> None:
        """As Zulip says it when one of its services is down."""
        self.status = 500
        record = {"result": "error", "msg": message, "code": "SERVER_NOT_READY"}
        self.body = json.dumps(record).encode()

    def answer(self, path: str) -> tuple[int, bytes]:
        time.sleep(self.delay_seconds)
        if path == "/health":
            return self.status, self.body
        if path == "/api/v1/server_settings":
            record = {"zulip_version": self.version, "zulip_feature_level": self.feature_level}
            return 200, json.dumps({"result": "success", "msg": ""} | record).encode()
        return 404, b"<html>404</html>"


@contextmanager
def small_zulip(certificate: Path | None = None) -> Iterator[SmallZulip]:
    """One that listens on loopback until the block ends; over TLS with key and certificate."""
    zulip = SmallZulip()

    class Handler(BaseHTTPRequestHandler):
        """Hands every GET to the object above."""

        def do_GET(self) -> None:
            status, body = zulip.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if zulip.location is not None:
                self.send_header("Location", zulip.location)
            self.end_headers()
            try:
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                return  # the asker did not wait

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        zulip.url = f"http://127.0.0.1:{server.server_port}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            zulip.url = zulip.url.replace("http:", "https:")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield zulip
        server.shutdown()
        thread.join()
