"""The host's own command line reaches the bot through a socket that is root's alone."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bot.events import Event, HostAnswer, HostCommand
from bot.on_host.command_line import NoBotError, ask_bot
from bot.on_host.host_socket import HostSocket, short_address
from handlers.errors import Reason, Refused

REFUSED = b'{"version": 1, "refused": "That is no request."}\n'
#: The interpreter itself may be out of the account's reach, so it is become on the way.
CLIENT = """
import os, socket, sys
os.setgroups([])
os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(b'{"version": 1, "command": "status"}\\n')
print(connection.makefile().readline(), end="")
"""


@contextmanager
def listening(path: Path, told: list[str]) -> Iterator[HostSocket]:
    """A bot that makes job 7 of everything."""

    def tell(event: Event) -> None:
        assert isinstance(event, HostCommand)
        told.append(event.text)
        event.answers.put(HostAnswer(f"You said {event.text}.", 7))

    host_socket = HostSocket(path, tell)
    host_socket.start()
    try:
        yield host_socket
    finally:
        host_socket.stop()


def test_root_is_answered_with_text_and_job(tmp_path: Path) -> None:
    told: list[str] = []
    with listening(tmp_path / "bot.sock", told):
        assert ask_bot(tmp_path / "bot.sock", "backup now") == HostAnswer("You said backup now.", 7)
    assert told == ["backup now"]


def test_a_path_may_be_longer_than_an_address(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 90) / ("b" * 90)
    folder.mkdir(parents=True)
    told: list[str] = []
    with listening(folder / "bot.sock", told):
        assert ask_bot(folder / "bot.sock", "status").text == "You said status."


def test_the_socket_is_closed_to_others_and_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "bot.sock"
    with listening(path, []):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
    with pytest.raises(NoBotError):
        ask_bot(path, "status")


def test_the_socket_of_a_killed_bot_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "bot.sock"
    with socket.socket(socket.AF_UNIX) as left, short_address(path) as address:
        left.bind(address)
    with pytest.raises(NoBotError):
        ask_bot(path, "status")
    with listening(path, []):
        assert ask_bot(path, "status").job_id == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_another_account_is_refused(world_readable: Path, mode: int) -> None:
    path, told = world_readable / "bot.sock", list[str]()
    with listening(path, told):
        path.chmod(mode)
        done = subprocess.run(
            (sys.executable, "-I", "-c", CLIENT, str(path)),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert told == []
    if mode == 0o600:
        assert "Permission denied" in done.stderr
    else:
        refused = f"{path} takes commands from root alone."
        assert json.loads(done.stdout) == {"version": 1, "refused": refused}


@pytest.mark.parametrize("sent", ["", "\n", "nonsense\n", "[]\n", '{"version": 1}\n', "x" * 10_000])
def test_nonsense_harms_nobody(tmp_path: Path, sent: str) -> None:
    path, told = tmp_path / "bot.sock", list[str]()
    with listening(path, told):
        with socket.socket(socket.AF_UNIX) as connection, short_address(path) as address:
            connection.settimeout(5)
            connection.connect(address)
            connection.sendall(sent.encode())
            connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                assert connection.recv(100) in {b"", REFUSED}
        assert ask_bot(path, "status").job_id == 7
    assert told == ["status"]


def test_a_bot_that_hangs_up_is_not_asked_twice_nor_gone_round(tmp_path: Path) -> None:
    path = tmp_path / "bot.sock"
    with socket.socket(socket.AF_UNIX) as server:
        with short_address(path) as address:
            server.bind(address)
        server.listen()
        threading.Thread(target=_hang_up, args=(server,), daemon=True).start()
        with pytest.raises(Refused) as refused:
            ask_bot(path, "backup now")
    assert refused.value.reason is Reason.BUSY
    assert refused.value.message == "The bot gave no answer; its log says more."


def _hang_up(server: socket.socket) -> None:
    server.accept()[0].close()
