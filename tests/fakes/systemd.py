"""A small systemd for tests: real processes in units, one manager process each, no systemd.

Started by a script of its own (`install`) as systemd-run or systemctl. It does what those of
systemd 252 were seen to do on a booted Debian 12; a unit's cgroup is imitated by a manager to which
the kernel gives every orphan of the unit (PR_SET_CHILD_SUBREAPER).
"""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from handlers.host import process_table  # noqa: E402 (after the path is set)
from jobs.launching.transient_units import TransientUnits  # noqa: E402 (after the path is set)

PR_SET_CHILD_SUBREAPER = 36
PAUSE_SECONDS = 0.01
#: In the folder of a unit: what its manager is told from outside.
STOP, OUT_OF_MEMORY = "stop", "out of memory"


def install(folder: Path) -> TransientUnits:
    """Its two programs, and where its units lie."""
    (folder / "units").mkdir(parents=True)
    for program in ("systemd-run", "systemctl"):
        script = folder / program
        command = shlex.join([sys.executable, "-I", __file__, str(folder / "units"), program])
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        script.chmod(0o755)
    return TransientUnits(str(folder / "systemd-run"), str(folder / "systemctl"))


@dataclass
class Wanted:
    """What systemd-run was asked for."""

    name: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    argv: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, arguments: list[str]) -> "Wanted":
        wanted = cls()
        end = arguments.index("--")
        wanted.argv = [word.replace("$$", "$") for word in arguments[end + 1 :]]
        for option in arguments[:end]:
            name, _, value = option.partition("=")
            key, _, setting = value.partition("=")
            match name:
                case "--unit":
                    wanted.name = value
                case "--property":
                    wanted.properties[key] = setting
                case "--setenv":
                    wanted.environment[key] = setting
                case "--quiet" | "--collect" | "--description":
                    pass
                case _:
                    sys.exit(f"systemd-run: unrecognized option '{name}'")
        return wanted

    def seconds(self, name: str, default: float) -> float:
        return float(self.properties.get(name, default))


class Manager:
    """What PID 1 does for one unit."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self.folder = folder
        self.wanted = wanted
        self.result, self.code, self.status = "success", "exited", "0"

    def start(self) -> subprocess.Popen[bytes]:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        errors = self.wanted.properties["StandardError"].removeprefix("append:")
        with Path(errors).open("ab") as said:
            main = self._spawn(self.wanted.argv, {}, said.fileno())
        self.show("active")
        return main

    def show(self, state: str) -> None:
        new = self.folder / "state.new"
        new.write_text(state)
        new.rename(self.folder / "state")

    def keep(self, main: subprocess.Popen[bytes]) -> None:
        """Until everything of the unit has ended and its stop command too."""
        self._wait(main)
        self.show("deactivating")
        self._judge(main.poll())
        self._end_all(main)
        self._judge(main.wait())
        told = {
            "SERVICE_RESULT": self.result,
            "EXIT_CODE": self.code,
            "EXIT_STATUS": self.status,
        }
        post = shlex.split(self.wanted.properties["ExecStopPost"].replace("$$", "$"))
        self._spawn(post, told, subprocess.DEVNULL).wait()
        # --collect: the name is free.
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()

    def _wait(self, main: subprocess.Popen[bytes]) -> None:
        ends_at = time.monotonic() + self.wanted.seconds("RuntimeMaxSec", 1e9)
        while main.poll() is None and not (self.folder / STOP).exists():
            if (self.folder / OUT_OF_MEMORY).exists():
                self.result = "oom-kill"
                main.kill()
            elif time.monotonic() > ends_at:
                self.result = "timeout"
                return
            time.sleep(PAUSE_SECONDS)

    def _end_all(self, main: subprocess.Popen[bytes]) -> None:
        """TERM to every process at once, KILL after TimeoutStopSec."""
        for pid in self._members():
            _signal(pid, signal.SIGTERM)
        kills_at = time.monotonic() + self.wanted.seconds("TimeoutStopSec", 90)
        while members := list(self._members()):
            main.poll()
            if time.monotonic() > kills_at:
                self.result = "timeout" if self.result == "success" else self.result
                for pid in members:
                    _signal(pid, signal.SIGKILL)
            time.sleep(PAUSE_SECONDS)

    def _judge(self, code: int | None) -> None:
        """By the main process, once it has ended; the first thing that went wrong counts."""
        if code is None:
            return
        kind = "exit-code" if code else "success"
        self.code, self.status = "exited", str(code)
        if code < 0:
            self.code, self.status = "killed", signal.Signals(-code).name.removeprefix("SIG")
            # A unit that ends by the signal it was stopped with has ended well.
            kind = "success" if -code == signal.SIGTERM else "signal"
        self.result = kind if self.result == "success" else self.result

    def _members(self) -> Iterator[int]:
        running = {entry.pid: entry.parent for entry in process_table.entries()}
        found: set[int] = set()
        more = {os.getpid()}
        while more:
            more = {pid for pid, parent in running.items() if parent in more} - found
            found |= more
        yield from found

    def _spawn(
        self, argv: list[str], told: Mapping[str, str], errors: int
    ) -> subprocess.Popen[bytes]:
        environment = {"INVOCATION_ID": "0" * 32, **self.wanted.environment, **told}
        return subprocess.Popen(
            argv,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def systemd_run(units: Path, arguments: list[str]) -> int:
    """Returns when the program is executed, as with Type=exec."""
    wanted = Wanted.parse(arguments)
    folder = units / wanted.name
    try:
        folder.mkdir()
    except FileExistsError:
        sys.stderr.write(
            f"Failed to start transient service unit: Unit {wanted.name} was already loaded or has"
            " a fragment file.\n"
        )
        return 1
    (folder / "state").write_text("activating")
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return 0 if os.read(reading, 1) else 1
    os.setsid()
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    manager = Manager(folder, wanted)
    try:
        main = manager.start()
    except OSError:
        (folder / "state").unlink()
        folder.rmdir()
        return 1
    os.write(writing, b"1")
    os.close(writing)
    manager.keep(main)
    return 0


def systemctl(units: Path, arguments: list[str]) -> int:
    *options, name = arguments
    folder = units / name
    match options:
        case ["show", "--property=ActiveState", "--value"]:
            try:
                sys.stdout.write((folder / "state").read_text() + "\n")
            except FileNotFoundError:
                sys.stdout.write("inactive\n")
            return 0
        case ["stop", "--no-block"]:
            if not folder.exists():
                sys.stderr.write(f"Failed to stop {name}: Unit {name} not loaded.\n")
                return 5
            (folder / STOP).touch()
            return 0
        case _:
            sys.stderr.write(f"Unknown command verb {options}.\n")
            return 1


if __name__ == "__main__":
    directory, program, *rest = sys.argv[1:]
    carry_out = {"systemd-run": systemd_run, "systemctl": systemctl}[program]
    sys.exit(carry_out(Path(directory), rest))
