"""Is there room on every file system that Zulip, PostgreSQL or the host write to?"""

import os
from dataclasses import dataclass
from pathlib import Path

from handlers.checks.contract import Check, Context, Finding, Level, worst
from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.wording import size

_WARNING_PERCENT = 85.0
_CRITICAL_PERCENT = 95.0


@dataclass(frozen=True, slots=True)
class FileSystem:
    """One file system and the important paths that lie on it; sizes in bytes."""

    paths: tuple[str, ...]
    total: int
    used: int
    #: What an ordinary account can still write; root's reserve is left out, as `df` does.
    free: int
    used_percent: float
    #: None where the file system has no fixed number of inodes.
    inodes_percent: float | None

    @property
    def level(self) -> Level:
        percent = max(self.used_percent, self.inodes_percent or 0.0)
        if percent >= _CRITICAL_PERCENT:
            return Level.CRITICAL
        return Level.WARNING if percent >= _WARNING_PERCENT else Level.OK

    @property
    def sentence(self) -> str:
        if (self.inodes_percent or 0.0) > self.used_percent:
            return f"{self.inodes_percent:.0f} % of the inodes of {self.paths[0]} are used"
        return f"{self.paths[0]} is {self.used_percent:.0f} % full, {size(self.free)} free"


def observe(context: Context) -> Finding:
    systems, unread = _file_systems(context)
    level = worst([*(each.level for each in systems), *(Level.UNKNOWN for _ in unread)])
    systems.sort(key=lambda each: each.used_percent, reverse=True)
    said = [each.sentence for each in systems] + unread
    values: list[JSON] = [
        {
            "path": each.paths[0],
            "paths": list(each.paths),
            "total": each.total,
            "used": each.used,
            "free": each.free,
            "used_percent": round(each.used_percent, 1),
            "inodes_percent": None
            if each.inodes_percent is None
            else round(each.inodes_percent, 1),
        }
        for each in systems
    ]
    hint = "Run `du -xh --max-depth=2` there to see what fills it."
    return Finding(
        level, "; ".join(said) + ".", {"file_systems": values}, None if level is Level.OK else hint
    )


def _file_systems(context: Context) -> tuple[list[FileSystem], list[str]]:
    """The file systems below the important paths, and a clause for each that cannot be read."""
    by_device: dict[int, list[Path]] = {}
    unread = []
    for path in (*context.layout.filled_paths, context.state_directory):
        try:
            device = path.stat().st_dev
        except (FileNotFoundError, NotADirectoryError):
            continue  # not every server has every place
        except OSError as error:
            unread.append(f"{context.layout.shown(path)} could not be read: {error.strerror}")
        else:
            by_device.setdefault(device, []).append(path)
    if not by_device:
        raise HostFailure(f"None of the host's paths exist below {context.host.root}.")
    return [_measure(context, paths) for paths in by_device.values()], unread


def _measure(context: Context, paths: list[Path]) -> FileSystem:
    figures = os.statvfs(paths[0])
    used = (figures.f_blocks - figures.f_bfree) * figures.f_frsize
    free = figures.f_bavail * figures.f_frsize
    inodes = 100 * (1 - figures.f_ffree / figures.f_files) if figures.f_files else None
    return FileSystem(
        paths=tuple(dict.fromkeys(context.layout.shown(path) for path in paths)),
        total=figures.f_blocks * figures.f_frsize,
        used=used,
        free=free,
        used_percent=100 * used / (used + free) if used + free else 0.0,
        inodes_percent=inodes,
    )


CHECK = Check("disks", "There is room on every file system", observe)
