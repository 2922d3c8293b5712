"""Imitates upgrade-zulip: lock, archive, unpack, checks, migrations, start; as it was recorded."""

import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.demo.sample_host.scripts import database, serving
from bot.demo.sample_host.scripts.installation import Installation, ScriptFailed
from bot.demo.sample_host.tree import NAME_FORMAT, point
from handlers.host.deployments import current_deployment, read_deployment

_LOCK_WAIT_SECONDS, _LOCK_POLL_SECONDS = 300, 3
_YELLOW, _RED, _PLAIN = "\x1b[93m", "\x1b[0;31m", "\x1b[0m"
_OPTIONS = ("--skip-puppet", "--skip-purge-old-deployments", "--skip-client-reloads")


def upgrade_zulip(installation: Installation, arguments: list[str]) -> int:
    """The wrapper: everything goes to upgrade.log too, but for the words after a failure."""
    installation.log_file = installation.layout.logs / "upgrade.log"
    code = _stage_1(installation, arguments)
    installation.log_file = None
    if code:
        installation.say(
            f"{_RED}\nZulip upgrade failed (exit code {code})!\n\n"
            "The upgrade process is designed to be idempotent, so you can retry after resolving "
            "whatever issue caused the failure (there should be a traceback above). A log of this "
            f"installation is available in /var/log/zulip/upgrade.log{_PLAIN}"
        )
    return code


def _stage_1(installation: Installation, arguments: list[str]) -> int:
    if not arguments:
        installation.say("upgrade-zulip: error: the following arguments are required: tarball")
        return 2
    try:
        with _lock(installation):
            tarball = Path(arguments[0])
            installation.log("upgrade-zulip", "Archiving the tarball under /home/zulip/archives")
            archived = shutil.copy(tarball, installation.layout.archives)
            installation.log("upgrade-zulip", "Unpacking the tarball")
            tree = _unpack(installation, Path(archived))
            # From stage 2 on it is the new tree's code that runs.
            _stage_3(replace(installation, tree=tree), arguments[1:])
    except ScriptFailed:
        return 1
    except (OSError, tarfile.TarError) as error:
        installation.say(f"Traceback (most recent call last):\n{type(error).__name__}: {error}")
        return 1
    return 0


@contextmanager
def _lock(installation: Installation) -> Iterator[None]:
    lock = installation.layout.deployment_lock
    give_up = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > give_up:
                installation.say(f"{_RED}Deployment already in progress.{_PLAIN}")
                raise ScriptFailed from None
            installation.say(
                f"{_YELLOW}Another deployment in progress; waiting for lock... (If no deployment"
                f" is running, rmdir {lock}){_PLAIN}"
            )
            time.sleep(_LOCK_POLL_SECONDS)
    try:
        yield
    finally:
        lock.rmdir()


def _unpack(installation: Installation, tarball: Path) -> Path:
    layout = installation.layout
    tree = layout.deployments / _name_of_now(layout.deployments)
    with tempfile.TemporaryDirectory(dir=layout.root / "tmp") as scratch:
        with tarfile.open(tarball) as archive:
            archive.extractall(scratch, filter="tar")
        (unpacked,) = Path(scratch).glob("zulip-server-*")
        shutil.move(unpacked, tree)
    (tree / "zproject/prod_settings.py").symlink_to(layout.settings_file)
    point(layout.next, tree)
    return tree


def _name_of_now(deployments: Path) -> str:
    """Local time, and later than every other name, also where the sample's were made up."""
    names = [path.name for path in deployments.glob("????-??-??-??-??-??")]
    moment = datetime.now()  # noqa: DTZ005 (Zulip names deployments in local time)
    for name in names:
        other = datetime.strptime(name, NAME_FORMAT)  # noqa: DTZ007 (as above)
        moment = max(moment, other + timedelta(seconds=1))
    return moment.strftime(NAME_FORMAT)


def _stage_3(installation: Installation, options: list[str]) -> None:
    script, layout = "upgrade-zulip-stage-3", installation.layout
    unknown = [option for option in options if option not in _OPTIONS]
    if unknown:
        installation.say(f"{script}: error: unrecognized arguments: {' '.join(unknown)}")
        raise ScriptFailed
    old, new = current_deployment(layout), read_deployment(installation.tree)
    installation.log(
        script, f"Upgrading from {old.version} to {new.version}, in {installation.tree}"
    )
    if database.check_compatibility(installation, []):
        raise ScriptFailed
    installation.say("generate_secrets: No new secrets to generate.")
    installation.log(script, "Installing static assets...")
    installation.say("System check identified no issues (32 silenced).")
    installation.log(script, "Checking for needed migrations")
    needed = database.pending(installation)
    installation.log(script, "Installing hooks")
    if needed:
        installation.log(script, "Stopping Zulip...")
        serving.stop_server(installation, [])
        installation.log(script, "Applying database migrations...")
        database.migrate(installation)
    installation.log(script, "Restarting Zulip...")
    serving.come_up(installation, "start-server" if needed else "restart-server")
    installation.log(script, "Upgrade complete!")
    installation.log("reload-clients", "Sending reload events to 250 clients")
    skips = "--skip-purge-old-deployments" in options
    installation.log(script, f"{'Skipping purging' if skips else 'Purging'} old deployments.")
