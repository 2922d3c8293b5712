"""Brings a copy of the engine `dump` to life: pg_restore fills the throw-away cluster.

pg_restore is given nothing that was not compared with the commit record before, is never run as
root, and fills the database as its owner, who is no superuser: what a dump holds is code. Only what
belongs to others, and extensions, need the superuser of the throw-away cluster.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from handlers.backups import database_dump
from handlers.backups.drills.place.cluster import SUPERUSER, Cluster
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.repository import DATABASE, StreamRecord
from handlers.errors import HostFailure, Reason
from handlers.host.processes import Argv, Process

#: The format of the database's stream in a commit record.
FORMAT = database_dump.FORMAT
#: At most, beside a server that is at work.
JOBS = 2
RESTORE_LIMIT = timedelta(hours=24)
LIST_LIMIT = timedelta(minutes=5)
EXIT_LIMIT = timedelta(seconds=5)
#: Every database has it from its template.
_ALWAYS_THERE = frozenset({"plpgsql"})
#: Roles that every cluster has; the owner of a database is one of pg_database_owner.
#: Lines in which PostgreSQL quotes a row, or the beginning of one.
_OF_A_ROW = ("DETAIL:", "CONTEXT:")
_PREDEFINED = "pg_"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a dump takes for granted: whom its objects belong to, and which extensions it makes."""

    owners: frozenset[str]
    extensions: frozenset[str]

    @classmethod
    def parse(cls, listed: str) -> "Needs":
        """From what `pg_restore --list` prints: ids, kind, schema, name and owner of each entry."""
        entries = [line for line in listed.splitlines() if line and not line.startswith(";")]
        extensions = (line.partition(" EXTENSION - ")[2].split() for line in entries)
        return cls(
            owners=frozenset(owner for line in entries if (owner := line.rpartition(" ")[2])),
            extensions=frozenset(names[0] for names in extensions if names) - _ALWAYS_THERE,
        )


def fetch(copy: Copy, to: Path, tick: Callable[[int], None]) -> None:
    """Write the dump where pg_restore can jump about in it; all of it is compared on the way."""
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        for chunk in _told(copy, tick):
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]


def restore_file(cluster: Cluster, dump: Path, roles: frozenset[str]) -> tuple[str, ...]:
    """In parallel, from a file; `roles` are those that the copy brings. Returns warnings.

    HostFailure as of `_judged`.
    """
    with cluster.start((*_listing(cluster), str(dump))) as listing:
        needs = _needs(cluster, listing, listing.check)
    user, warnings = _prepare(cluster, needs, roles)
    argv = (*_argv(cluster, user), f"--jobs={JOBS}", str(dump))
    with cluster.start(argv) as pg_restore:
        _judged(cluster, pg_restore, lambda: pg_restore.check(RESTORE_LIMIT))
    return warnings


def restore_stream(
    cluster: Cluster, copy: Copy, roles: frozenset[str], tick: Callable[[int], None]
) -> tuple[str, ...]:
    """One object after the other, without a file; as `restore_file`."""
    with cluster.start(_listing(cluster), stdin=True) as listing:
        # The table of contents stands at the head of a dump; no more than that is read of it.
        needs = _needs(cluster, listing, partial(database_dump.feed, listing, _head(copy)))
    user, warnings = _prepare(cluster, needs, roles)
    with cluster.start(_argv(cluster, user), stdin=True) as pg_restore:
        feed = partial(database_dump.feed, pg_restore, _told(copy, tick), RESTORE_LIMIT)
        _judged(cluster, pg_restore, feed)
    return warnings


def _told(copy: Copy, tick: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    for chunk in copy.stream(DATABASE).plain():
        yield chunk
        done += len(chunk)
        tick(done)


def _argv(cluster: Cluster, user: str) -> Argv:
    return cluster.client(
        "pg_restore",
        "--format=custom",
        "--exit-on-error",
        f"--dbname={cluster.database.name}",
        user=user,
    )


def _listing(cluster: Cluster) -> Argv:
    return (str(cluster.programs / "pg_restore"), "--format=custom", "--list")


def _head(copy: Copy) -> Iterator[bytes]:
    """The first object of the dump."""
    record = copy.snapshot.streams[DATABASE]
    first = StreamRecord(record.format, record.objects[:1], 0, None)
    return copy.part(copy.snapshot, DATABASE, first).decompressed()


def _needs(cluster: Cluster, listing: Process, work: Callable[[timedelta], None]) -> Needs:
    _judged(cluster, listing, lambda: work(LIST_LIMIT))
    return Needs.parse(listing.stdout.read().decode(errors="replace"))


def _prepare(
    cluster: Cluster, needs: Needs, brought: frozenset[str]
) -> tuple[str, tuple[str, ...]]:
    """As whom it is filled, and what had to be made for it that the copy does not bring."""
    known = {cluster.database.user, SUPERUSER}
    owners, roles = (
        {name for name in names - known if not name.startswith(_PREDEFINED)}
        for names in (needs.owners, needs.owners | brought)
    )
    for name in sorted(roles):
        cluster.make_role(name)
    warnings = tuple(
        f"Objects belong to the role `{name}`, which the copy does not bring; it was made for the"
        " drill, and has to be made before a restore."
        for name in sorted(owners - brought)
    )
    is_all_its_own = not needs.extensions and not owners and SUPERUSER not in needs.owners
    return cluster.database.user if is_all_its_own else SUPERUSER, warnings


def without_rows(tail: str) -> str:
    """PostgreSQL names the very row that would not fit; what people wrote stays in the database."""
    kept = []
    is_detail = False
    for line in tail.splitlines():
        is_detail = line.startswith(_OF_A_ROW) or (is_detail and line.startswith((" ", "\t")))
        kept.append("(what was in the row is left out)" if is_detail else line)
    return "\n".join(dict.fromkeys(kept))


def _judged(cluster: Cluster, process: Process, work: Callable[[], None]) -> None:
    """That pg_restore stops is the copy's fault, unless it was killed or the drill has failed."""
    try:
        work()
    except HostFailure as failure:
        if failure.reason is not Reason.TOOL_FAILED or process.wait(EXIT_LIMIT) < 0:
            raise cluster.why_it_failed() or failure from failure
        raise cluster.why_it_failed() or HostFailure(
            "pg_restore could not restore the database.",
            reason=Reason.VERIFICATION_FAILED,
            hint="Do not rely on this copy; take a new one and drill that.",
            tail=without_rows(failure.tail),
        ) from failure
