"""A real S3 server of its own on loopback (SeaweedFS), for the demo and the tests."""

import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.settings import StoreSettings

BUCKET = "zulip-ops"
ADDRESS = "127.0.0.1"
READY_SECONDS = 60
#: Every port of SeaweedFS takes a second one, this much higher; both stay below the ephemeral ones.
SECOND_PORT = 10_000
FIRST_PORTS = range(12_000, 22_000)


def available() -> Path | None:
    """The program `weed`, which the package puts beside the interpreter; None without it."""
    program = Path(sys.executable).parent / "weed"
    return program if program.exists() else None


class S3Server:
    """One server with its data in a directory of its own below the temporary directory."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="zulip-ops-s3-"))
        self.bucket = BUCKET
        # No word that is said otherwise: it is hidden wherever it stands.
        self.access_key = secrets.token_hex(10)
        self.secret_key = secrets.token_hex(20)
        self._ports = free_ports(4)
        self.endpoint = f"http://{ADDRESS}:{self._ports[0]}"
        self._running = ExitStack()
        self._process: processes.Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __getstate__(self) -> dict[str, object]:
        """How another process reaches it; to end it stays with the process that started it."""
        return self.__dict__ | {"_running": ExitStack(), "_process": None}

    def start(self) -> None:
        """Start it; returns once an object could be written into the bucket."""
        (self.directory / "data").mkdir(exist_ok=True)
        (self.directory / "identities.json").write_text(json.dumps(self._identities()))
        self.credentials_file(self._credentials)
        # The server says a lot: a file keeps it, so that no pipe fills up.
        argv = ("/bin/sh", "-c", 'exec "$@" >"$0" 2>&1', str(self._log), *self._argv())
        self._process = self._running.enter_context(processes.start(argv))
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it at once: in order it would take half a minute, and its data are not kept."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
        self._process = None
        self._running.close()
        for port in self._ports:
            for number in (port, port + SECOND_PORT):
                for left in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):  # noqa: S108 (weed's own choice)
                    left.unlink(missing_ok=True)

    def credentials_file(self, path: Path) -> Path:
        """Write the two lines that `StoreSettings.credentials_file` asks for."""
        path.touch(mode=0o600)
        path.write_text(f"{self.access_key}\n{self.secret_key}\n")
        return path

    def store_settings(self, name: str, prefix: str) -> StoreSettings:
        """A store in this server's bucket below `prefix`."""
        return StoreSettings(
            name=name,
            bucket=self.bucket,
            prefix=prefix,
            endpoint=self.endpoint,
            region="us-east-1",
            credentials_file=self._credentials,
        )

    @property
    def _credentials(self) -> Path:
        return self.directory / "credentials"

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _identities(self) -> dict[str, object]:
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        return {
            "identities": [{"name": "zulip-ops", "credentials": credentials, "actions": actions}]
        }

    def _argv(self) -> tuple[str, ...]:
        program = available()
        if program is None:
            raise HostFailure(
                "The S3 server `weed` is not installed.", hint="Install `zulip-ops[demo]`."
            )
        s3, filer, master, volume = self._ports
        return (
            *(str(program), "server", f"-dir={self.directory / 'data'}"),
            *(f"-ip={ADDRESS}", f"-ip.bind={ADDRESS}", "-master.telemetry=false"),
            *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"),
            *("-volume.max=0", "-master.volumeSizeLimitMB=1024"),
            *("-s3", f"-s3.port={s3}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            f"-s3.config={self.directory / 'identities.json'}",
        )

    def _wait_until_ready(self) -> None:
        """Until an object can be written; the filer's own port needs no signature for it."""
        filer = f"http://{ADDRESS}:{self._ports[1]}/buckets/{self.bucket}/.ready"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if _answers(filer, "PUT") and _answers(self.endpoint, "GET"):
                _answers(filer, "DELETE")
                return
            time.sleep(0.1)
        tail = self._log.read_text(errors="replace")[-2000:]
        raise HostFailure(f"The S3 server did not get ready in {READY_SECONDS} s.", tail=tail)


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of loopback that are free now, and whose second port is free too."""
    found: list[int] = []
    while len(found) < count:
        # Not `random`: tests seed it, and two test runs would then choose the same ports.
        port = secrets.choice(FIRST_PORTS)
        if port not in found and _is_free(port) and _is_free(port + SECOND_PORT):
            found.append(port)
    return tuple(found)


def _is_free(port: int) -> bool:
    with socket.socket() as attempt:
        try:
            attempt.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _answers(url: str, method: str) -> bool:
    """Whether the server carries it out, or refuses it for want of a signature alone."""
    body = b"ready" if method == "PUT" else None
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 (loopback)
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310 (loopback)
            return True
    except urllib.error.HTTPError as error:
        with error:
            return error.code == 403
    except (OSError, urllib.error.URLError):
        return False
