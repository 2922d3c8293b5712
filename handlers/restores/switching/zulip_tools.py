"""Stops and starts Zulip, and empties what remembers another database, with Zulip's own tools."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from handlers.contract import Context
from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.layout import Layout
from handlers.upgrades.log_lines import Steps

START_LIMIT = timedelta(minutes=15)
STOP_LIMIT = timedelta(minutes=5)
TOOL_LIMIT = timedelta(minutes=5)


def start_server(tree: Path) -> Path:
    """The script of a deployment that makes it current and starts it."""
    return tree / "scripts/start-server"


def stop(context: Context, tree: Path) -> None:
    """nginx, PostgreSQL and the others stay; HostFailure where something of Zulip still runs."""
    with Steps(context.journal, "Stop Zulip", ()) as steps:
        script = str(tree / "scripts/stop-server")
        processes.run((script,), timeout=STOP_LIMIT, output=steps.read)


def start(context: Context, tree: Path) -> None:
    """With the code of that deployment, which becomes current."""
    with Steps(context.journal, "Start Zulip", ()) as steps:
        processes.run((str(start_server(tree)),), timeout=START_LIMIT, output=steps.read)


def forget(context: Context, tree: Path) -> None:
    """Empty what names rows of the other database: queues, memcached, and Tornado's event queues.

    Only while Zulip is stopped. HostFailure where one of the tools fails.
    """
    user = context.host.database.system_user
    with context.journal.step("Purge the queues and flush the caches"):
        for argv in (
            # First what loses nothing.
            (str(tree / "scripts/setup/flush-memcached"),),
            (str(tree / "manage.py"), "purge_queue", "--all"),
        ):
            processes.run(argv, timeout=TOOL_LIMIT, output=context.journal.output, user=user)
        with _told_as_failure():
            _put_event_queues_aside(context)


def _put_event_queues_aside(context: Context) -> None:
    """Clients register anew then; in a queue of before they would be told of other messages."""
    for file in Layout(context.host.root).tornado.glob("event_queues*.json"):
        file.rename(file.with_name(f"{file.name}.before_{context.job}"))


@contextmanager
def _told_as_failure() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HostFailure(
            f"Tornado's event queues could not be put aside: {error.strerror}."
        ) from error
