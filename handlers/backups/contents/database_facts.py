"""What a database is and holds, for whoever will restore it: versions, collations, counts."""

import hashlib
from collections.abc import Sequence
from typing import Any

from handlers.backups.contents import text_search
from handlers.contract import JSON
from handlers.host import postgres
from handlers.host.postgres import Connection

#: What is counted, by the word that people know it by.
COUNTED = {
    "realms": "zerver_realm",
    "users": "zerver_userprofile",
    "channels": "zerver_stream",
    "messages": "zerver_message",
    "message_flags": "zerver_usermessage",
    "attachments": "zerver_attachment",
    "reactions": "zerver_reaction",
    "custom_emoji": "zerver_realmemoji",
}
#: A larger table is not read whole only to count it: PostgreSQL's own estimate stands for it.
COUNTED_BYTES = 64 * 1024 * 1024
#: Of the largest tables so many are named.
TABLES_NAMED = 10
_LOCALE = ("datcollate", "datctype", "datlocprovider", "datlocale", "daticulocale")
#: In PostgreSQL 15 and later; before, only single collations have a version.
_HAS_DATABASE_VERSION = 150_000


def facts(connection: Connection) -> dict[str, JSON]:
    """In the connection's own view; with a transaction that shares its snapshot, of one moment."""
    found = postgres.read_facts(connection)
    migrations: list[JSON] = list(postgres.migrations(connection))
    return {
        "version": found.server_version,
        "major": found.major,
        "system_identifier": found.system_identifier,
        "timeline": postgres.value(connection, "SELECT timeline_id FROM pg_control_checkpoint()"),
        "size_bytes": found.size_bytes,
        **_sizes(connection),
        "migrations": migrations,
        "migrations_sha256": _sha256(migrations),
        **_counts(connection),
        "newest_message": _newest_message(connection),
        **_locale(connection),
        "collations": _collations(connection),
        "extensions": dict(
            postgres.rows(connection, "SELECT extname, extversion FROM pg_extension ORDER BY 1")
        ),
        "text_search": text_search.facts(connection),
    }


def _sha256(migrations: Sequence[JSON]) -> str:
    """Two databases with the same migrations have the same, however long the list."""
    return hashlib.sha256("".join(f"{each}\n" for each in migrations).encode()).hexdigest()


def _counts(connection: Connection) -> dict[str, JSON]:
    """`counts`, and in `counts_estimated` the names of those that PostgreSQL only estimates."""
    counts: dict[str, JSON] = {}
    estimated: list[JSON] = []
    query = (
        "SELECT pg_relation_size(oid), reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)"
    )
    for name, table in COUNTED.items():
        found = postgres.rows(connection, query, (table,))
        if not found:
            counts[name] = None
        elif found[0][0] <= COUNTED_BYTES:
            # The names are constants of this module.
            counts[name] = postgres.value(connection, f"SELECT count(*) FROM {table}")  # noqa: S608
        else:
            # -1: nobody has ever analyzed it, and nothing is known.
            counts[name] = found[0][1] if found[0][1] >= 0 else None
            estimated.append(name)
    return {"counts": counts, "counts_estimated": estimated}


def _newest_message(connection: Connection) -> JSON:
    """Found by its index, however many there are."""
    if not postgres.has_table(connection, "zerver_message"):
        return None
    query = "SELECT id, date_sent FROM zerver_message ORDER BY id DESC LIMIT 1"
    found: list[tuple[Any, ...]] = postgres.rows(connection, query)
    return {"id": found[0][0], "at": found[0][1].isoformat()} if found else None


def _sizes(connection: Connection) -> dict[str, JSON]:
    """All tables without their indexes, about what a dump comes to; the largest with theirs."""
    found = postgres.rows(
        connection,
        "SELECT oid::regclass::text, pg_total_relation_size(oid),"
        " (sum(pg_table_size(oid)) OVER ())::bigint FROM pg_class"
        " WHERE relkind IN ('r', 'p', 'm') AND relnamespace NOT IN"
        " (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema'))"
        " ORDER BY 2 DESC, 1 LIMIT %s",
        (TABLES_NAMED,),
    )
    return {
        "tables_bytes": found[0][2] if found else 0,
        "largest_tables": {name: size for name, size, _ in found},
    }


def _locale(connection: Connection) -> dict[str, JSON]:
    """Encoding and locale; the names of the columns differ between versions."""
    query = (
        "SELECT pg_encoding_to_char(encoding), to_jsonb(d) FROM pg_database d"
        " WHERE datname = current_database()"
    )
    encoding, row = postgres.rows(connection, query)[0]
    known = {name.removeprefix("dat"): row[name] for name in _LOCALE if row.get(name) is not None}
    return {"encoding": encoding, "locale": known}


def _collations(connection: Connection) -> dict[str, JSON]:
    """How text was sorted: the version recorded with the indexes, and the one that sorts now.

    Where a host sorts otherwise than the one before, indexes of text are wrong until they are
    rebuilt. `differing` are collations for which that is so already.
    """
    differing = postgres.rows(
        connection,
        "SELECT collname, collversion, pg_collation_actual_version(oid) FROM pg_collation"
        " WHERE collversion IS NOT NULL"
        " AND collversion IS DISTINCT FROM pg_collation_actual_version(oid) ORDER BY 1 LIMIT 100",
    )
    recorded, actual = _database_collation(connection)
    return {
        "recorded": recorded,
        "actual": actual,
        "differing": [{"name": n, "recorded": r, "actual": a} for n, r, a in differing],
    }


def _database_collation(connection: Connection) -> tuple[JSON, JSON]:
    number = postgres.value(connection, "SELECT current_setting('server_version_num')::int")
    if number >= _HAS_DATABASE_VERSION:
        query = (
            "SELECT datcollversion, pg_database_collation_actual_version(oid) FROM pg_database"
            " WHERE datname = current_database()"
        )
        recorded, actual = postgres.rows(connection, query)[0]
        return recorded, actual
    query = (
        "SELECT pg_collation_actual_version(c.oid) FROM pg_collation c JOIN pg_database d"
        " ON d.datcollate = c.collname WHERE d.datname = current_database() LIMIT 1"
    )
    return None, postgres.value(connection, query)
