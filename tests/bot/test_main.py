"""What keeps the bot from starting is one sentence and an exit code; Zulip alone is waited for."""

import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from bot.__main__ import main
from bot.demo.zulip.cast import add_cast
from bot.demo.zulip.server import SimulatedZulip
from state.database import open_database
from tests.bot.minimal import write_configuration, write_zuliprc
from tests.bot.programs import bot, zulip_ops, zulip_ops_as_nobody

CONFIGURATION, TRY_AGAIN = 2, 75
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def refused(configuration: Path, code: int = CONFIGURATION) -> str:
    """Start the bot in a process of its own, which ends at once with one line; the line."""
    done = zulip_ops("run", "--config", str(configuration))
    assert done.returncode == code, done.stderr
    return one_line(done)


def refused_here(configuration: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The same without a process, which is quicker."""
    with pytest.raises(SystemExit) as ended:
        main(["run", "--config", str(configuration)])
    assert ended.value.code == CONFIGURATION
    said = capsys.readouterr()
    return one_line(CompletedProcess((), CONFIGURATION, said.out, said.err))


def one_line(done: CompletedProcess[str]) -> str:
    assert done.stdout == ""
    line, rest = done.stderr.removesuffix("\n").partition("\n")[::2]
    assert rest == "", done.stderr
    assert line.startswith("zulip-ops: ")
    return line.removeprefix("zulip-ops: ")


def write_any_zuliprc(folder: Path) -> None:
    text = "[api]\nemail=ops-bot@example.com\nkey=abc\nsite=http://127.0.0.1:9\n"
    (folder / "zuliprc").write_text(text)


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.toml") == (
        f"There is no configuration at {tmp_path}/none.toml. "
        "Copy zulip-ops.toml.example there and fill it in."
    )


def test_a_zuliprc_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused_here(write_configuration(tmp_path), capsys)
    assert said.startswith(f"There is no {tmp_path}/zuliprc; download it")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[zulp]", "the key `zulp` is not known. Did you mean `zulip`?"),
        ("[observer]\nevery_seconds = '60'", "`observer.every_seconds`: input should be a valid"),
        (
            "[[schedules]]\nname = 'report'\ncommand = 'statsu'\ncron = '0 8 * * *'",
            "the schedule `report`: There is no command `statsu`",
        ),
    ],
)
def test_a_wrong_key_or_value_in_the_configuration_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, said: str
) -> None:
    write_any_zuliprc(tmp_path)
    line = refused_here(write_configuration(tmp_path, more), capsys)
    assert line.startswith(f"{tmp_path}/zulip-ops.toml: ")
    assert said in line


def test_a_group_that_does_not_exist_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_any_zuliprc(tmp_path)
    path = write_configuration(tmp_path)
    path.write_text(path.read_text().replace("[state]", '[state]\ngroup = "no-such-group"'))
    assert f"{path}: `state.group`: this host has no group no-such-group." in refused_here(
        path, capsys
    )


def test_a_state_directory_that_cannot_be_made_is_named_with_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_any_zuliprc(tmp_path)
    (tmp_path / "file").touch()
    path = write_configuration(tmp_path, state=tmp_path / "file/state")
    said = refused_here(path, capsys)
    assert f"{path}: `state.directory`: {tmp_path}/file/state cannot be made: " in said


def test_a_database_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_any_zuliprc(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/zulip-ops.db").write_bytes(b"This is no database. " * 400)
    said = refused_here(write_configuration(tmp_path), capsys)
    assert f"The database {tmp_path}/state/zulip-ops.db is not a database: move" in said


def test_a_socket_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    write_any_zuliprc(tmp_path)
    (tmp_path / "state/bot.sock").mkdir(parents=True)
    assert f"{tmp_path}/state/bot.sock: Is a directory." in refused(write_configuration(tmp_path))


@as_root
def test_a_state_directory_of_somebody_else_is_named_with_its_key(world_readable: Path) -> None:
    write_any_zuliprc(world_readable)
    (world_readable / "state").mkdir()
    path = write_configuration(world_readable)
    done = zulip_ops_as_nobody("run", "--config", str(path))
    assert done.returncode == CONFIGURATION
    assert done.stderr == (
        f"zulip-ops: {path}: `state.directory`: {world_readable}/state cannot be written by the "
        "account that runs zulip-ops. Name another directory, or give it to that account.\n"
    )


@as_root
def test_a_database_that_cannot_be_written_is_named(world_readable: Path) -> None:
    write_any_zuliprc(world_readable)
    state = world_readable / "state"
    state.mkdir()
    open_database(state / "zulip-ops.db").close()
    (state / "zulip-ops.db").chmod(0o644)
    shutil.chown(state, "nobody")
    path = write_configuration(world_readable)
    done = zulip_ops_as_nobody("run", "--config", str(path))
    assert done.returncode == CONFIGURATION, done.stderr
    assert done.stderr.startswith(f"zulip-ops: The database {state}/zulip-ops.db ")
    assert "give it and its folder to the user that runs zulip-ops" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_key_that_zulip_refuses_ends_the_start_and_names_the_file(tmp_path: Path) -> None:
    with SimulatedZulip() as zulip:
        cast = add_cast(zulip)
        zuliprc = write_zuliprc(tmp_path, zulip, cast)
        zuliprc.write_text(zuliprc.read_text().replace(cast.bot.api_key, "x" * 32))
        said = refused(write_configuration(tmp_path))
    assert said.startswith("Zulip does not accept the bot's key: ")
    assert said.endswith(f"; look at `email` and `key` in {zuliprc}.")


def test_a_second_bot_is_told_who_holds_the_place(tmp_path: Path) -> None:
    with SimulatedZulip() as zulip:
        write_zuliprc(tmp_path, zulip, add_cast(zulip))
        path = write_configuration(tmp_path)
        with bot(path, tmp_path / "state") as first:
            first.wait_for("Connected to Zulip")
            said = refused(path, TRY_AGAIN)
            assert (
                f"Another zulip-ops holds {tmp_path}/state/bot.lock (process {first.pid} since "
                in said
            )
            assert first.end() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_disk_that_is_full_at_the_start_is_a_reason_to_try_again(
    tmp_path: Path, small_disk: Path
) -> None:
    write_any_zuliprc(tmp_path)
    (tmp_path / "state").symlink_to(small_disk)
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
    said = refused(write_configuration(tmp_path), TRY_AGAIN)
    assert "No space left on device" in said or "because the disk is full: free space" in said


def test_a_bot_that_was_killed_keeps_no_place(tmp_path: Path) -> None:
    with SimulatedZulip() as zulip:
        write_zuliprc(tmp_path, zulip, add_cast(zulip))
        path = write_configuration(tmp_path)
        with bot(path, tmp_path / "state") as killed:
            killed.wait_for("Connected to Zulip")
            killed.kill()
        named = (tmp_path / "state" / "bot.lock").read_text()
        assert named.startswith(f"process {killed.pid} since "), "its name is left behind"
        killed.log.write_text("")
        with bot(path, tmp_path / "state") as second:
            second.wait_for("Connected to Zulip")
            assert refused(path, TRY_AGAIN).count(f"process {second.pid} since ") == 1
            assert second.end() == 0


def test_a_zulip_that_is_not_up_is_waited_for(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    zulip = SimulatedZulip(port=port)
    write_zuliprc(tmp_path, zulip, add_cast(zulip))
    with bot(write_configuration(tmp_path), tmp_path / "state") as waiting:
        waiting.wait_for(f"Zulip does not answer: http://127.0.0.1:{port} cannot be reached")
        assert "Trying again." in waiting.said()
        with zulip:
            waiting.wait_for("Zulip answers again")
            waiting.wait_for("Connected to Zulip")
            assert waiting.end() == 0
    assert "Traceback" not in waiting.said()


def test_an_unknown_subcommand_is_a_mistake_of_typing() -> None:
    done = zulip_ops("rnu")
    assert done.returncode == 2
    assert "No such command 'rnu'" in done.stderr
