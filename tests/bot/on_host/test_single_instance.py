"""One bot serves a state directory; its lock ends with it, however it ends."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
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
    assert re.fullmatch(
        rf"Another zulip-ops holds {tmp_path}/lock "
        rf"\(process {os.getpid()} since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC\)\.",
        refused.value.message,
    )
    assert refused.value.hint == "End it first, or name another [state] directory."


def test_the_lock_is_free_after_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with held_lock(tmp_path / "lock"):
            assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} since ")
        assert (tmp_path / "lock").read_text() == "", "nobody is named who has let go"


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


def test_what_a_killed_process_wrote_means_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("process 1 since 2001-01-01 00:00 UTC\n")
    with held_lock(lock):
        assert lock.read_text().startswith(f"process {os.getpid()} since ")


def test_a_holder_that_has_not_named_itself_yet_is_waited_for(tmp_path: Path) -> None:
    lock = tmp_path / "lock"

    def name_it() -> None:
        time.sleep(0.1)
        lock.write_text("process 7 since 2026-11-23 12:00 UTC\n")

    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        naming = threading.Thread(target=name_it)
        naming.start()
        named = pytest.raises(AlreadyRunningError, match="process 7 since")
        with named, held_lock(lock):
            pass
        naming.join()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), held_lock(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
