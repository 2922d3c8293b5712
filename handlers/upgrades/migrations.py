"""Which migrations a code tree or a tarball brings, against those the database has."""

import re
import tarfile
from collections.abc import Iterable
from pathlib import Path

from handlers.errors import HostFailure, Reason
from handlers.host import postgres
from handlers.host.settings import DatabaseSettings

#: `zerver/migrations/0576_backfill_imageattachment.py`, as the end of a path.
_FILE = re.compile(r"(?:[^/]+/)?(?P<app>[a-z_]+)/migrations/(?P<name>\d{4}_\w+)\.py")


def applied(settings: DatabaseSettings) -> frozenset[str]:
    """Every migration that Django has noted as applied, as `app.name`."""
    with postgres.connect(settings) as connection:
        return frozenset(postgres.migrations(connection))


def known_to(tree: Path) -> frozenset[str]:
    """The migrations of Zulip's own apps in a deployment; those of its libraries lie elsewhere."""
    files = (path.relative_to(tree).as_posix() for path in tree.glob("*/migrations/*.py"))
    return _named(files)


def brought_by(tarball: Path) -> tuple[frozenset[str], int]:
    """The migrations of Zulip's own apps in a release, and its size when unpacked, in bytes.

    Only names and sizes are read; nothing is unpacked.
    """
    names, size = [], 0
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            for member in archive:
                names.append(member.name)
                size += member.size
    except (OSError, EOFError, tarfile.TarError) as error:
        raise HostFailure(
            f"{tarball.name} cannot be read as a tarball: {error}.", reason=Reason.NO_RELEASE
        ) from error
    return _named(names), size


def in_the_way(
    applied_now: frozenset[str], old: frozenset[str], others: frozenset[str]
) -> tuple[str, ...]:
    """What the database has and the old code does not know.

    Servers with a long past have rows that no code knows any more; those were there already when
    the old code ran. So only what some other deployment on the host (`others`) knows counts.
    """
    return tuple(sorted((applied_now & others) - old))


def _named(paths: Iterable[str]) -> frozenset[str]:
    found = (_FILE.fullmatch(path) for path in paths)
    return frozenset(f"{each['app']}.{each['name']}" for each in found if each is not None)
