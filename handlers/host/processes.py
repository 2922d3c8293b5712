"""Starts every process on the host, with a fixed environment, a time limit and a bounded memory."""

import fcntl
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypedDict, Unpack

from handlers.errors import HostFailure, Reason
from handlers.host import process_table
from handlers.host.accounts import identity
from handlers.host.redaction import Redactor
from handlers.host.tails import Lines, Tail

Argv = tuple[str, ...]

#: Names the folder of the run that a process belongs to; all that a run starts inherits it.
RUN_MARKER = "ZULIP_OPS_RUN"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: What a failure carries is for people.
TAIL_BYTES = 16 * 1024
TAIL_LINES = 25
READ_BYTES = 64 * 1024
PIPE_BYTES = 1024 * 1024

#: Between asking a process group to end and making it.
TERMINATE_GRACE = timedelta(seconds=2)
#: A daemon that was started may keep our pipe for ever: how long we still listen to it.
LINGER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Completed:
    """How a process ended; `output` and `errors` are raw, for parsing, and must not be shown."""

    exit_code: int
    output: str
    errors: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Stream:
    pipe: IO[bytes]
    tail: Tail
    lines: Lines


class Surroundings(TypedDict, total=False):
    """Where and as whom a process runs; the directory is `/` unless given."""

    user: str | None
    environment: Mapping[str, str] | None
    directory: Path | None


class Process:
    """A running process whose output is read while it runs; leaving the block ends it."""

    def __init__(self, argv: Argv, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stdout is not None
        assert popen.stderr is not None
        self.argv = argv
        self.pid = popen.pid
        self.stdout: IO[bytes] = popen.stdout
        self.stdin: IO[bytes] | None = popen.stdin
        self._popen = popen
        self._errors = Tail(TAIL_BYTES)
        self._drain = threading.Thread(
            target=self._read_errors, args=(popen.stderr,), daemon=True, name="stderr"
        )
        self._drain.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._popen.poll() is None:
            self.kill()
        self._drain.join(LINGER_SECONDS)
        self.stdout.close()
        if self.stdin is not None:
            with suppress(OSError):
                self.stdin.close()

    def wait(self, timeout: timedelta) -> int:
        """The exit code; beyond the time limit the group is killed and HostFailure raised."""
        try:
            code = self._popen.wait(timeout.total_seconds())
        except subprocess.TimeoutExpired:
            self.kill()
            raise _too_long(self.argv, timeout, self._errors) from None
        self._drain.join(LINGER_SECONDS)
        return code

    def check(self, timeout: timedelta) -> None:
        """Wait, and raise HostFailure unless the process ended well."""
        code = self.wait(timeout)
        if code != 0:
            raise _failed(self.argv, code, self._errors)

    def kill(self) -> None:
        """End the whole process group: TERM, and KILL after a moment."""
        end_group(self._popen)

    @property
    def errors(self) -> str:
        """The last of what the process wrote to standard error, raw."""
        return self._errors.text()

    def _read_errors(self, stream: IO[bytes]) -> None:
        with stream:
            while chunk := os.read(stream.fileno(), READ_BYTES):
                self._errors.add(chunk)


def run(
    argv: Argv,
    *,
    timeout: timedelta,
    check: bool = True,
    output: Callable[[str], None] | None = None,
    stdin: bytes | None = None,
    **surroundings: Unpack[Surroundings],
) -> Completed:
    """Run a program to its end.

    `output` is given both streams as text while they arrive. Raises HostFailure when the program
    is missing, takes too long or, with `check`, ends with another exit code than 0.
    """
    started = time.monotonic()
    popen = _spawn_with_input(argv, stdin, surroundings)
    collector = _Collector(popen, output)
    try:
        ended = collector.collect(started + timeout.total_seconds())
    finally:
        # Also when a cancelled run raises out of the wait.
        if popen.poll() is None:
            end_group(popen)
        collector.close()
    if not ended:
        raise _too_long(argv, timeout, collector.both)
    if check and popen.returncode != 0:
        raise _failed(argv, popen.returncode, collector.both)
    return Completed(
        popen.returncode,
        collector.output.text(),
        collector.errors.text(),
        time.monotonic() - started,
    )


def start(argv: Argv, *, stdin: bool = False, **surroundings: Unpack[Surroundings]) -> Process:
    """Start a program whose standard output is read as it comes; HostFailure when it is missing."""
    popen = _spawn(argv, subprocess.PIPE if stdin else subprocess.DEVNULL, surroundings)
    for pipe in (popen.stdout, popen.stdin):
        if pipe is not None:
            # A larger pipe halves the switches of a dump; the kernel may refuse it.
            with suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return Process(argv, popen)


class _Collector:
    """Reads both streams of one process until they end, without ever holding all of them."""

    def __init__(
        self, popen: subprocess.Popen[bytes], listener: Callable[[str], None] | None
    ) -> None:
        assert popen.stdout is not None
        assert popen.stderr is not None
        self.output, self.errors, self.both = Tail(), Tail(), Tail(TAIL_BYTES)
        self._popen = popen
        self._listener = listener
        self._exit = os.pidfd_open(popen.pid)
        self._streams = {
            popen.stdout.fileno(): _Stream(popen.stdout, self.output, Lines()),
            popen.stderr.fileno(): _Stream(popen.stderr, self.errors, Lines()),
        }
        self._selector = selectors.DefaultSelector()
        for descriptor in (self._exit, *self._streams):
            self._selector.register(descriptor, selectors.EVENT_READ)

    def collect(self, deadline: float) -> bool:
        """Read until the process has ended; False when the deadline (monotonic) came first."""
        while self._selector.get_map() and time.monotonic() < deadline:
            for key, _ in self._selector.select(deadline - time.monotonic()):
                if key.fd == self._exit:
                    self._selector.unregister(key.fd)
                    self._popen.wait()
                    deadline = min(deadline, time.monotonic() + LINGER_SECONDS)
                else:
                    self._read(key.fd)
        for stream in self._streams.values():
            self._hand_on(stream, b"")
        return self._popen.poll() is not None

    def close(self) -> None:
        self._selector.close()
        os.close(self._exit)
        for stream in self._streams.values():
            stream.pipe.close()

    def _read(self, descriptor: int) -> None:
        chunk = os.read(descriptor, READ_BYTES)
        stream = self._streams[descriptor]
        if not chunk:
            self._selector.unregister(descriptor)
        stream.tail.add(chunk)
        self._hand_on(stream, chunk)

    def _hand_on(self, stream: _Stream, chunk: bytes) -> None:
        lines = stream.lines.feed(chunk)
        self.both.add(lines)
        if self._listener is not None and lines:
            self._listener(lines.decode(errors="replace"))


def _spawn_with_input(
    argv: Argv, content: bytes | None, surroundings: Surroundings
) -> subprocess.Popen[bytes]:
    if content is None:
        return _spawn(argv, subprocess.DEVNULL, surroundings)
    # Held in memory, so that nobody has to feed a pipe while the output is read.
    with os.fdopen(os.memfd_create("stdin"), "w+b") as file:
        file.write(content)
        file.seek(0)
        return _spawn(argv, file.fileno(), surroundings)


def _spawn(argv: Argv, stdin: int, surroundings: Surroundings) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=surroundings.get("directory") or Path("/"),
            env=_environment(surroundings.get("environment") or {}),
            umask=0o077,
            process_group=0,
            **identity(surroundings.get("user")),
        )
    except FileNotFoundError as error:
        raise HostFailure(f"`{error.filename}` does not exist on this host.") from error
    except OSError as error:
        raise HostFailure(f"`{argv[0]}` cannot be started: {error.strerror}.") from error


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    marker = os.environ.get(RUN_MARKER)
    inherited = {} if marker is None else {RUN_MARKER: marker}
    return {"PATH": PATH, "LC_ALL": "C.UTF-8", **inherited, **given}


def end_group(popen: subprocess.Popen[bytes]) -> None:
    """TERM to the whole process group, KILL to what is left of it after the grace."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Not ours to end any more when it has gone or belongs to another account.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, number)
        if _group_ended(popen):
            return


def _group_ended(popen: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + TERMINATE_GRACE.total_seconds()
    while time.monotonic() < deadline:
        # poll() reaps the leader, which would count as a member otherwise.
        if popen.poll() is not None and not _has_members(popen.pid):
            return True
        time.sleep(0.01)
    return False


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # The signal also counts those that have ended and whom nobody has asked about.
    return any(member.group == group for member in process_table.entries())


def _failed(argv: Argv, code: int, said: Tail) -> HostFailure:
    how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
    return HostFailure(f"`{Path(argv[0]).name}` {how}.", tail=last_lines(said.whole_lines()))


def _too_long(argv: Argv, limit: timedelta, said: Tail) -> HostFailure:
    return HostFailure(
        f"`{Path(argv[0]).name}` did not end within {in_words(limit)} and was stopped.",
        reason=Reason.TIME_LIMIT,
        tail=last_lines(said.whole_lines()),
    )


def last_lines(text: str) -> str:
    """The last lines of a tool's output, with what looks like a secret hidden."""
    return "\n".join(Redactor(()).redact(text).splitlines()[-TAIL_LINES:])


def in_words(duration: timedelta) -> str:
    """`90 s`, `5 min`, `2 h`: the largest unit that needs no fraction."""
    seconds = duration.total_seconds()
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:g} s"
