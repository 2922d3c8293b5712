"""Feeds a dump into pg_restore, which fills an empty database of its own and stops at any error."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from handlers.backups.database_dump import ENVIRONMENT, PAUSE_SECONDS, account
from handlers.errors import HostFailure, Reason
from handlers.host import postgres, processes
from handlers.host.settings import DatabaseSettings

#: After the last byte the indexes are still to be built, and the constraints to be checked.
END_LIMIT = timedelta(hours=12)


def restore_argv(into: DatabaseSettings, programs: Path) -> tuple[str, ...]:
    """As the role that owns Zulip's database, which is no superuser: what a dump holds is code.

    Comments are left out: Zulip has none, and those on extensions are not that role's to write.
    """
    return (
        str(programs / "pg_restore"),
        "--format=custom",
        "--exit-on-error",
        "--no-comments",
        *postgres.client_arguments(into),
    )


def restore_dump(plain: Iterator[bytes], into: DatabaseSettings, programs: Path) -> None:
    """Fill the empty database `into`, as the account it belongs to.

    Raises HostFailure where pg_restore stops, and whatever `plain` raises; what was filled by then
    is left for whoever made the database.
    """
    argv = restore_argv(into, programs)
    with processes.start(
        argv, user=account(into), environment=ENVIRONMENT, stdin=True
    ) as pg_restore:
        _feed(pg_restore, plain)
        try:
            pg_restore.check(END_LIMIT)
        except HostFailure as failure:
            raise _stopped(into, failure) from failure


def _feed(pg_restore: processes.Process, plain: Iterator[bytes]) -> None:
    """Until the last byte, or until it takes no more: then its exit code says why."""
    assert pg_restore.stdin is not None
    descriptor = pg_restore.stdin.fileno()
    os.set_blocking(descriptor, False)
    try:
        for chunk in plain:
            _write(descriptor, chunk)
        pg_restore.stdin.close()
    except BrokenPipeError:
        return


def _write(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)


def _stopped(into: DatabaseSettings, failure: HostFailure) -> HostFailure:
    reason = Reason.DISK_FULL if "No space left on device" in failure.tail else failure.reason
    return HostFailure(
        f"The dump could not be restored into {into.name}. {failure.message}",
        reason=reason,
        hint="Nothing that Zulip uses was touched. The last lines of its output say why.",
        tail=failure.tail,
    )
