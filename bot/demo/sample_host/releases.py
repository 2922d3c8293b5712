"""Releases for the sample host: real tarballs with checksums, as Zulip publishes them."""

import hashlib
import tarfile
import tempfile
from pathlib import Path

from bot.demo.sample_host import tree
from handlers.host.layout import Layout
from handlers.host.releases import SUMS


def publish(layout: Layout, version: str, migrations: tuple[str, ...] = ()) -> Path:
    """Put `zulip-server-VERSION.tar.gz` into the host's directory of releases; its path.

    `migrations` are names such as `0600_new_table` that it has beyond those of the sample database.
    """
    directory = releases_directory(layout)
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"zulip-server-{version}.tar.gz"
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / f"zulip-server-{version}"
        tree.write_tree(layout, made, version, migrations)
        with tarfile.open(target, "w:gz", compresslevel=1) as archive:
            archive.add(made, made.name)
    write_sums(directory)
    return target


def write_sums(directory: Path) -> None:
    """SHA256SUMS.txt of all tarballs there, newest name first."""
    tarballs = sorted(directory.glob("*.tar.gz"), reverse=True)
    lines = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in tarballs]
    (directory / SUMS).write_text("".join(lines), encoding="utf-8")


def releases_directory(layout: Layout) -> Path:
    return layout.root / "srv/zulip-releases"
