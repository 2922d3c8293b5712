"""One bot serves a state directory; its lock ends with it, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.on_host.single_instance import AlreadyRunningError, held_lock

HOLDER = """
import sys, time
from pathlib import Path
from bot.on_host.single_instance import held_lock
with held_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_holder_is_named_to_the_second(tmp_path: Path) -> None:
    with (
        held_lock(tmp_path / "lock"),
        pytest.raises(AlreadyRunningError) as refused,
        held_lock(tmp_path / "lock"),
    ):
        pass
    assert refused.value.message == (
        f"Another zulip-ops holds {tmp_path}/lock (process {os.getpid()})."
    )
    assert refused.value.hint == "End it first, or name another [state] directory."


def test_the_lock_is_free_after_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with held_lock(tmp_path / "lock"):
            assert (tmp_path / "lock").read_text() == f"process {os.getpid()}\n"


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    argv = (sys.executable, "-I", "-c", HOLDER, str(tmp_path / "lock"))
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        named = pytest.raises(AlreadyRunningError, match=f"process {holder.pid}")
        with named, held_lock(tmp_path / "lock"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with held_lock(tmp_path / "lock"):
        pass
