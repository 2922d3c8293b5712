"""What earlier restores have left on the host, which of the states holds, and what to type."""

import re
from collections.abc import Iterator
from dataclasses import replace

from handlers.contract import Context
from handlers.errors import HostFailure
from handlers.host import databases
from handlers.host.layout import Layout
from handlers.restores.switching import arrangement, zulip_tools
from handlers.restores.switching.arrangement import Arrangement, Names
from handlers.upgrades import probing
from handlers.wording import size

_NUMBER = re.compile(r"_(?:before|restore)_(?P<job>[1-9][0-9]{0,18})")


def sentences(context: Context, layout: Layout) -> Iterator[str]:
    """One for each restore of which something is there; nothing where PostgreSQL is away, since
    that is told elsewhere."""
    try:
        sizes = databases.sizes(context.host.database, context.host.database.name)
        for job in sorted(_jobs(context, sizes)):
            names = replace(Names.of(context), job=job)
            yield _sentence(context, layout, arrangement.look(context, names), sizes)
    except HostFailure:
        return


def _jobs(context: Context, sizes: dict[str, int]) -> set[int]:
    names = Names.of(context)
    beginnings = (
        *((name, names.database) for name in sizes),
        *((path.name, names.uploads.name) for path in names.uploads.parent.glob("*")),
    )
    found = (
        _NUMBER.fullmatch(name.removeprefix(beginning))
        for name, beginning in beginnings
        if name.startswith(beginning)
    )
    return {int(each["job"]) for each in found if each is not None}


def _sentence(context: Context, layout: Layout, found: Arrangement, sizes: dict[str, int]) -> str:
    """Where the swap was done, the way back as well as what to drop."""
    names, host = found.names, context.host.database
    taken = sum(sizes.get(name, 0) for name in (names.new_database, names.old_database))
    drop = "; ".join(f"`{each}`" for each in arrangement.commands_to_drop(host, found))
    said = [f"Restore #{names.job} has left something ({size(taken)} of databases)."]
    said.append(found.sentence())
    start = zulip_tools.start_server(layout.current)
    if not found.is_swapped and probing.probe(context.host).version is None:
        said.append(f"Zulip does not answer. To start it: `{start}`.")
    if found.is_swapped:
        back = arrangement.commands_back(host, found, start)
        said.append(f"All as before: {'; '.join(f'`{each}`' for each in back)}.")
    if drop:
        said.append(f"To drop what is not used: {drop}.")
    return " ".join(said)
