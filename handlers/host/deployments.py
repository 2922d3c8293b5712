"""Reads which code trees of Zulip the host has, and which version each of them is."""

import re
from dataclasses import dataclass
from pathlib import Path

from handlers.errors import HostFailure, Reason
from handlers.host.layout import Layout

_NAME = re.compile(r"\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}")
_VERSION = re.compile(r"""^ZULIP_VERSION\s*=\s*["']([^"'\s]+)["']""", re.MULTILINE)
_FEATURE_LEVEL = re.compile(r"^API_FEATURE_LEVEL\s*=\s*(\d+)", re.MULTILINE)
_SHAPE = re.compile(r"\d+\.\d+[0-9A-Za-z.+_-]*")
_LINKS = ("current", "last", "next")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One code tree below `/home/zulip/deployments`."""

    path: Path
    version: str
    #: The release that a deployment from git is based on; none: a release itself.
    merge_base: str | None
    feature_level: int | None
    #: Which of `current`, `last` and `next` point here.
    links: tuple[str, ...] = ()


def current_deployment(layout: Layout) -> Deployment:
    """The tree that `current` points at, which need not be the code that is running.

    Raises HostFailure, not configured, where there is none or its version cannot be read.
    """
    return read_deployment(_target(layout.current), _links(layout))


def list_deployments(layout: Layout) -> tuple[Deployment, ...]:
    """Every tree named as a deployment whose version can be read, newest first."""
    links = _links(layout)
    try:
        trees = [path for path in layout.deployments.iterdir() if _NAME.fullmatch(path.name)]
    except OSError as error:
        raise _unreadable(layout.deployments, error) from error
    found = []
    for tree in sorted(trees, reverse=True):
        try:
            found.append(read_deployment(tree, links))
        except HostFailure:
            continue  # an upgrade that broke off while unpacking leaves half a tree
    return tuple(found)


def read_deployment(tree: Path, links: dict[str, Path] | None = None) -> Deployment:
    """What one tree says about itself, read as text: its code is never executed.

    `zulip-git-version` (line 1 the version, line 2 the merge base) goes before `version.py`, as
    in Zulip's own version.py.
    """
    text = _read(tree / "version.py")
    level = _FEATURE_LEVEL.search(text)
    version, merge_base = _git_version(tree) or (_release(tree, text), None)
    return Deployment(
        path=tree,
        version=version,
        merge_base=merge_base,
        feature_level=int(level.group(1)) if level else None,
        links=tuple(name for name, target in (links or {}).items() if target == tree.resolve()),
    )


def _git_version(tree: Path) -> tuple[str, str | None] | None:
    try:
        lines = (tree / "zulip-git-version").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(tree / "zulip-git-version", error) from error
    version = lines[0].strip() if lines else ""
    if not _SHAPE.fullmatch(version):
        return None
    return version, (lines[1].strip() or None) if len(lines) > 1 else None


def _release(tree: Path, text: str) -> str:
    found = _VERSION.search(text)
    if found is None:
        raise HostFailure(
            f"{tree / 'version.py'} names no ZULIP_VERSION.", reason=Reason.NOT_CONFIGURED
        )
    return found.group(1)


def _links(layout: Layout) -> dict[str, Path]:
    paths = {name: layout.deployments / name for name in _LINKS}
    return {name: path.resolve() for name, path in paths.items() if path.is_symlink()}


def _target(link: Path) -> Path:
    try:
        return link.resolve(strict=True)
    except OSError as error:
        raise _unreadable(link, error) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> HostFailure:
    why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return HostFailure(
        f"{path} could not be read: {why}.",
        reason=Reason.NOT_CONFIGURED,
        hint="Check `host.root` in zulip-ops.toml: Zulip's installation must lie below it.",
    )
