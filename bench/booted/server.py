"""Makes the booted system a Zulip server: its files at their own paths, its database, a realm."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.demo.postgres_cluster import SUPERUSER, PostgresCluster
from bot.demo.sample_host import programs, tree
from bot.demo.sample_host.database import SampleDatabase
from bot.demo.sample_host.host import Extent, SampleHost
from bot.demo.zulip.cast import Cast, add_cast
from bot.demo.zulip.server import SimulatedZulip
from handlers.host import processes

ACCOUNT = "zulip"
DATABASE = "zulip"
VERSION = "9.2"
FEATURE_LEVEL = 278
_LIMIT = timedelta(minutes=1)
_EXTENT = Extent(messages=1000, uploads=100)


class DebianCluster(PostgresCluster):
    """The cluster that Debian's package made and systemd started; each account is a role's own."""

    def __init__(self) -> None:
        # Nothing is made here: there is no directory of ours to keep or to remove.
        pass

    def sql(self, statements: str, *, database: str, user: str = SUPERUSER) -> str:
        argv = (*psql(database), "--quiet", "--tuples-only", "--no-align", "--file=-")
        done = processes.run(argv, timeout=_LIMIT, stdin=statements.encode(), user=user)
        return done.output.strip()


def psql(database: str) -> tuple[str, ...]:
    return ("psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={database}")


@dataclass(frozen=True, slots=True)
class Server:
    """The simulated realm, and how an administrator would fill in the example."""

    zulip: SimulatedZulip
    cast: Cast

    def filled_in(self, example: str) -> str:
        """zulip-ops.toml as the document says: only what has to be set."""
        operator, viewer = self.cast.iago.id, self.cast.hamlet.id
        for before, after in (
            ('url = "https://127.0.0.1"', f'url = "{self.zulip.url}"'),
            ("# viewer = [21, 22]", f"viewer = [{viewer}]"),
            ("# operator = [8, 9]", f"operator = [{operator}]"),
            ("may ask.\nask = []", 'may ask.\nask = ["viewer", "operator"]'),
            (
                "[policy.routine]\nask = []\napprove = []\n# people = 1\n"
                "self_approval = false\nyes = false",
                '[policy.routine]\nask = ["operator"]\nyes = true',
            ),
            ("# [[stores]]\n# A name for", "[[stores]]\n# A name for"),
            ('# name = "local"', 'name = "local"'),
            ('# path = "/var/backups/zulip-ops"', 'path = "/var/backups/zulip-ops"'),
        ):
            assert example.count(before) == 1, f"the example no longer has {before!r} once"
            example = example.replace(before, after)
        return example


@contextmanager
def zulip_server() -> Iterator[Server]:
    """A Zulip at `/`, as its installer leaves it, and a realm that answers on the loopback."""
    with SimulatedZulip() as zulip:
        cast = add_cast(zulip)
        zulip.set_version(VERSION, FEATURE_LEVEL)
        _install(zulip.url)
        yield Server(zulip, cast)


def _install(url: str) -> None:
    processes.run(("useradd", "--create-home", ACCOUNT), timeout=_LIMIT)
    host = SampleHost(Path("/"), url, database=_database(), extent=_EXTENT)
    layout = host.layout
    tree.write_surroundings(layout)
    tree.write_configuration(layout, DATABASE)
    tree.point(layout.current, tree.make_deployment(layout, VERSION))
    programs.install(layout)
    host.add_uploads(_EXTENT.uploads)
    owner = f"{ACCOUNT}:{ACCOUNT}"
    places = [str(place) for place in (Path("/home/zulip"), layout.configuration, layout.logs)]
    processes.run(("chown", "--recursive", owner, *places), timeout=_LIMIT)
    shutil.chown("/home/zulip", ACCOUNT, ACCOUNT)


def _database() -> SampleDatabase:
    cluster = DebianCluster()
    cluster.sql(f"CREATE ROLE {ACCOUNT} LOGIN", database="postgres")
    cluster.sql(
        f"CREATE DATABASE {DATABASE} OWNER {ACCOUNT} TEMPLATE template0 ENCODING 'UTF8'",
        database="postgres",
    )
    database = SampleDatabase(cluster, DATABASE)
    database.make(_EXTENT.messages)
    return database
