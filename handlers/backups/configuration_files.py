"""The configuration of Zulip: /etc/zulip with its secrets, as a tar."""

import os
import stat
from pathlib import Path

from handlers.backups.streams import ObjectWriter
from handlers.backups.tar_stream import TarWriter
from handlers.errors import HostFailure

#: Names in the tar begin with it, as on the host.
ROOT = "etc/zulip"


def copy(directory: Path, tar: ObjectWriter) -> list[str]:
    """Write the whole tree into the tar; returns sentences about what could not go into it."""
    writer, odd = TarWriter(tar.write), list[str]()
    try:
        _copy_tree(writer, directory, ROOT, odd)
    except OSError as error:
        raise HostFailure(
            f"{error.filename or directory} could not be read: {error.strerror}.",
            hint="The configuration with its secrets is part of every backup.",
        ) from error
    writer.close()
    return odd


def _copy_tree(writer: TarWriter, directory: Path, name: str, odd: list[str]) -> None:
    writer.add_directory(name, directory.stat())
    with os.scandir(directory) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        below = f"{name}/{entry.name}"
        details = entry.stat(follow_symlinks=False)
        if entry.is_symlink():
            target = os.readlink(entry.path)  # noqa: PTH115 (the target as it stands there)
            writer.add_link(below, target, details)
            if not Path(target).is_relative_to(directory) and Path(target).is_absolute():
                odd.append(f"What /{below} points at ({target}).")
        elif entry.is_dir(follow_symlinks=False):
            _copy_tree(writer, Path(entry.path), below, odd)
        elif stat.S_ISREG(details.st_mode):
            writer.add_file(below, os.fsencode(entry.path))
        else:
            odd.append(f"/{below}, which is neither a file nor a directory.")
