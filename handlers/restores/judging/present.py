"""The server as it is before a restore: what runs, what the database holds, who it says it is."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from handlers.contract import Context
from handlers.errors import HostFailure
from handlers.host import postgres, zulip_settings
from handlers.host.deployments import Deployment, current_deployment, list_deployments
from handlers.host.layout import Layout
from handlers.host.postgres import DatabaseFacts

#: Messages are counted up to here; beyond it nobody needs the exact number.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a sign of time: ids and times only grow."""

    id: int
    #: Aware UTC, as ISO 8601.
    at: str


@dataclass(frozen=True, slots=True)
class Present:
    """What was found; without facts of the database, `failure` says why."""

    external_host: str | None
    deployment: Deployment | None
    deployments: tuple[Deployment, ...]
    database: DatabaseFacts | None
    extensions: frozenset[str]
    newest: Message | None
    failure: HostFailure | None


def look(context: Context) -> Present:
    """Never raises: a restore is asked for when something is broken."""
    layout = Layout(context.host.root)
    database, extensions, newest, failure = None, frozenset[str](), None, None
    try:
        with postgres.connect(context.host.database) as connection:
            database = postgres.read_facts(connection)
            query = "SELECT name FROM pg_available_extensions"
            extensions = frozenset(row[0] for row in postgres.rows(connection, query))
            newest = newest_message(connection)
    except HostFailure as error:
        failure = error
    return Present(
        zulip_settings.external_host(layout),
        _deployment(layout),
        _deployments(layout),
        database,
        extensions,
        newest,
        failure,
    )


def newest_message(connection: postgres.Connection) -> Message | None:
    """By its id, which an index finds."""
    if not postgres.has_table(connection, "zerver_message"):
        return None
    query = "SELECT id, date_sent FROM zerver_message ORDER BY id DESC LIMIT 1"
    found = postgres.rows(connection, query)
    return Message(found[0][0], found[0][1].isoformat()) if found else None


def messages_after(context: Context, last: int) -> int:
    """How many messages are newer, `MOST_COUNTED` + 1 at most; HostFailure as `connect`."""
    query = "SELECT count(*) FROM (SELECT 1 FROM zerver_message WHERE id > %s LIMIT %s) AS newer"
    with postgres.connect(context.host.database) as connection:
        if not postgres.has_table(connection, "zerver_message"):
            return 0
        found: int = postgres.value(connection, query, (last, MOST_COUNTED + 1))
    return found


def data_directory(context: Context) -> Path | None:
    """Where PostgreSQL keeps its data, if that is on this host; HostFailure as `administer`."""
    with postgres.administer(context.host.database) as connection:
        found = Path(str(postgres.value(connection, "SHOW data_directory")))
    return found if found.is_dir() else None


def free_bytes(place: Path) -> tuple[int, int]:
    """The file system that a path lies on, or would lie on, and what is free there."""
    while not place.exists():
        place = place.parent
    return place.stat().st_dev, shutil.disk_usage(place).free


def _deployment(layout: Layout) -> Deployment | None:
    try:
        return current_deployment(layout)
    except HostFailure:
        return None


def _deployments(layout: Layout) -> tuple[Deployment, ...]:
    try:
        return list_deployments(layout)
    except HostFailure:
        return ()
