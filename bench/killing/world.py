"""The world in which bots die: what the host and the stores hold, and how the host is put back."""

import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.demo.sample_host import programs
from bot.demo.sample_host.host import Extent
from bot.demo.sample_host.scripts.controls import Manners, Serving, read_serving, write_serving
from bot.demo.sample_host.tree import point
from bot.demo.stage import Stage, Wish
from handlers.backups.repository import snapshot_ids
from handlers.host.deployments import current_deployment
from handlers.host.object_store import open_store

OLD, NEW = "1.3", "1.4"
#: As little as a copy can be made of.
WISH = Wish(
    version=OLD,
    extent=Extent(messages=20, uploads=2, median_upload_bytes=512),
    releases=((NEW, ()),),
)
#: An upgrade whose steps can be seen, and that is over soon.
MANNERS = Manners(pause_seconds=0.01, away_seconds=0.2)
_BACK = timedelta(seconds=10)
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Effects:
    """What is there by now of what commands bring about."""

    copies: frozenset[str]
    upgrades: int


def effects(stage: Stage) -> Effects:
    """Counted where they are: in the stores, and in what `upgrade-zulip` itself writes."""
    copies = (each for store in stage.stores for each in snapshot_ids(open_store(store)))
    log = stage.host.layout.logs / "upgrade.log"
    said = log.read_text(encoding="utf-8") if log.exists() else ""
    return Effects(frozenset(copies), said.count(f": Upgrading from {OLD} to "))


def runs_new(stage: Stage) -> bool:
    """Whether the host has been upgraded."""
    return current_deployment(stage.host.layout).version == NEW


def put_back(stage: Stage, first: Path) -> None:
    """The host runs the old version from its first deployment, as if nothing had happened."""
    layout = stage.host.layout
    for tree in layout.deployments.glob("????-*"):
        if tree != first:
            shutil.rmtree(tree)
    for link in (layout.current, layout.next):
        point(link, first)
    layout.last.unlink(missing_ok=True)
    if layout.deployment_lock.exists():
        layout.deployment_lock.rmdir()
    programs.install(layout)
    _serve_old(stage)


def _serve_old(stage: Stage) -> None:
    before = read_serving(stage.host.layout)
    if before is None:
        return
    serving = Serving(answers=True, version=OLD, feature_level=278, starts=before.starts + 1)
    write_serving(stage.host.layout, serving)
    give_up = time.monotonic() + _BACK.total_seconds()
    while stage.zulip.realm.settings.zulip_version != OLD:
        assert time.monotonic() < give_up, "the simulated Zulip did not come back"
        time.sleep(_PAUSE_SECONDS)
