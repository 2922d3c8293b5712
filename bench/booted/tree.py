"""Makes a Debian 12 with the program installed in it, as the document for operators tells."""

import ast
import os
import shutil
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.booted.documented import commands
from handlers.host import processes

ROOT = Path(__file__).parents[2]
CACHE = Path("/var/cache/zulip-ops-bench/debian12")
SUITE = "bookworm"
#: What a Zulip server has anyway; python3-venv is left to bin/environment.
PACKAGES = "systemd,systemd-sysv,dbus,sudo,git,ca-certificates,python3,procps,postgresql"
INSTALLED = Path("opt/zulip-ops")
LINK = Path("usr/local/bin/zulip-ops")
#: Where the checkout is found from inside, in place of the repository that the document names.
BUNDLE = Path("/mnt/zulip-ops.bundle")
LIMIT = timedelta(minutes=20)
NSPAWN = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--hostname=zulip")


def prepare(tree: Path) -> None:
    """Make the tree, or bring the one that is there to the commit of this checkout."""
    if not tree.exists():
        _bootstrap(tree)
    with TemporaryDirectory(prefix="zulip-ops-bench-") as name:
        bundle = _bundle(Path(name))
        if _can_be_pulled_into(tree / INSTALLED):
            _carry_out(tree, bundle, _told("A newer version"))
        else:
            shutil.rmtree(tree / INSTALLED, ignore_errors=True)
            (tree / LINK).unlink(missing_ok=True)
            _carry_out(tree, bundle, _told("1. Install it"))


def say(text: str) -> None:
    sys.stderr.write(text if text.endswith("\n") else f"{text}\n")


def _bootstrap(tree: Path) -> None:
    say(f"Making a Debian 12 in {tree}; this takes some minutes, once.")
    unfinished = tree.with_name(f"{tree.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    argv = ("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(unfinished))
    processes.run(argv, timeout=LIMIT)
    # As Debian's installer writes it; sudo wants to know the name of its host.
    (unfinished / "etc/hostname").write_text("zulip\n")
    (unfinished / "etc/hosts").write_text("127.0.0.1\tlocalhost\n127.0.1.1\tzulip\n")
    unfinished.chmod(0o755)
    unfinished.rename(tree)


def _can_be_pulled_into(installed: Path) -> bool:
    """Whether what is installed is an earlier commit of this very branch."""
    if not installed.exists():
        return False
    there = ("-C", str(installed))
    same_branch = _git(*there, "symbolic-ref", "HEAD") == _git("symbolic-ref", "HEAD")
    return same_branch and _is_ancestor(_git(*there, "rev-parse", "HEAD"))


def _is_ancestor(commit: str) -> bool:
    argv = ("git", "merge-base", "--is-ancestor", commit, "HEAD")
    return processes.run(argv, timeout=LIMIT, directory=ROOT, check=False).exit_code == 0


def _bundle(folder: Path) -> Path:
    """The commit of this checkout, as one file that git can clone and pull from."""
    branch = _git("symbolic-ref", "--short", "HEAD")
    bundle = folder / BUNDLE.name
    _git("bundle", "create", "--quiet", str(bundle), "HEAD", branch)
    say(f"Installing commit {_git('rev-parse', '--short', 'HEAD')} of {branch}.")
    return bundle


def _git(*arguments: str) -> str:
    done = processes.run(("git", *arguments), timeout=LIMIT, directory=ROOT)
    return done.output.strip()


def _told(section: str) -> list[str]:
    """What the document tells, less what needs a booted system."""
    told = commands(ROOT / "docs/operations.md", section)
    return [
        line.replace("<this repository>", str(BUNDLE)) for line in told if "systemctl" not in line
    ]


def _carry_out(tree: Path, bundle: Path, lines: Iterable[str]) -> None:
    """In the tree as it lies there, with the network and the package index of this machine."""
    pip = bundle.with_name("pip.conf")
    settings = _pip_settings()
    pip.write_text("".join(["[global]\n", *(f"{key} = {v}\n" for key, v in settings.items())]))
    pip.chmod(0o644)
    shared = {BUNDLE: bundle, Path("/etc/pip.conf"): pip}
    shared |= {path: path for path in map(Path, settings.values()) if _is_local(path)}
    binds = (f"--bind-ro={source}:{target}" for target, source in shared.items())
    script = "\n".join(("set -eux", "umask 022", *lines))
    argv = (*NSPAWN, "--console=pipe", *binds, f"--directory={tree}", "/bin/sh", "-c", script)
    processes.run(argv, timeout=LIMIT, output=say)


def _pip_settings() -> dict[str, str]:
    """How this machine reaches its package index; the tree must reach the same one."""
    told = processes.run(
        (sys.executable, "-m", "pip", "config", "list"),
        timeout=LIMIT,
        environment={key: value for key, value in os.environ.items() if key != "PATH"},
    ).output
    pairs = (line.partition("=") for line in told.splitlines())
    return {
        name.rpartition(".")[2]: str(ast.literal_eval(value)).replace("\n", "\n  ")
        for name, _, value in pairs
        if name.startswith(("global.", ":env:."))
    }


def _is_local(path: Path) -> bool:
    return path.is_absolute() and path.exists()
