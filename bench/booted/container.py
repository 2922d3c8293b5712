"""Boots the tree with a systemd of its own, and brings back what was found inside."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.booted.tree import NSPAWN, say
from handlers.errors import HostFailure
from handlers.host import processes

#: Where the inside leaves its figures.
RESULT = Path("/mnt/result/figures.json")
LIMIT = timedelta(minutes=15)
#: With this systemd-nspawn ends, kept in a unit of its caller, when the system inside reboots.
REBOOTS = 133
#: Nothing but the stage speaks on the console, and no login prompt hangs it up.
_KERNEL_ARGUMENTS = ("systemd.show_status=0", "systemd.mask=console-getty.service")
STAGE = Path("etc/systemd/system/zulip-ops-stage.service")
STAGE_UNIT = f"""\
[Unit]
Description=The stage on which zulip-ops is tried
Wants=postgresql.service
After=postgresql.service
SuccessAction=poweroff
FailureAction=poweroff

[Service]
Type=exec
WorkingDirectory=/opt/zulip-ops
ExecStart=/opt/zulip-ops/.venv/bin/python -m bench.booted {RESULT}
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console

[Install]
WantedBy=multi-user.target
"""


def figures_found_inside(tree: Path) -> Mapping[str, float | None]:
    """Boot as often as it reboots, until it is powered off, and read what it left; HostFailure.

    All that is written inside goes to memory, so that the tree stays as it was prepared.
    """
    _install_stage(tree)
    with TemporaryDirectory(prefix="zulip-ops-bench-") as folder, _copy_in_memory(tree) as copy:
        options = (
            *("--boot", "--private-network", "--console=read-only"),
            *(f"--bind={folder}:{RESULT.parent}", f"--directory={copy}"),
        )
        while _boot(options) == REBOOTS:
            say("== it reboots")
        result = Path(folder, RESULT.name)
        if not result.exists():
            raise HostFailure("The booted system ended without figures; see what it said.")
        found: dict[str, float | None] = json.loads(result.read_text())
        return found


def _boot(options: tuple[str, ...]) -> int:
    """The exit code of systemd-nspawn."""
    return processes.run(
        (*NSPAWN, *options, *_KERNEL_ARGUMENTS),
        timeout=LIMIT,
        check=False,
        # As on a real Debian 12, also where this machine still has the older hierarchy.
        environment={"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        output=say,
    ).exit_code


@contextmanager
def _copy_in_memory(tree: Path) -> Iterator[Path]:
    """The tree as an overlay, which outlives a reboot: nspawn's own does not."""
    with TemporaryDirectory(prefix="zulip-ops-bench-") as folder, ExitStack() as mounted:
        memory, merged = Path(folder, "memory"), Path(folder, tree.name)
        for directory in (memory, merged):
            directory.mkdir()
        _mount(mounted, memory, "-t", "tmpfs", "tmpfs")
        for name in ("upper", "work"):
            (memory / name).mkdir()
        layers = f"lowerdir={tree},upperdir={memory}/upper,workdir={memory}/work"
        _mount(mounted, merged, "-t", "overlay", "-o", layers, "overlay")
        yield merged


def _mount(mounted: ExitStack, where: Path, *what: str) -> None:
    processes.run(("mount", *what, str(where)), timeout=LIMIT)
    mounted.callback(processes.run, ("umount", "--recursive", str(where)), timeout=LIMIT)


def missing_programs() -> list[str]:
    """What this machine lacks to make and to boot such a system."""
    return [name for name in ("debootstrap", "systemd-nspawn", "git") if not shutil.which(name)]


def _install_stage(tree: Path) -> None:
    unit = tree / STAGE
    unit.write_text(STAGE_UNIT)
    wanted = unit.parent / "multi-user.target.wants" / unit.name
    wanted.parent.mkdir(exist_ok=True)
    if not wanted.is_symlink():
        wanted.symlink_to(f"../{unit.name}")
