"""Makes databases, renames them all at once, and drops them, as PostgreSQL's superuser."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.host.postgres import Connection, DatabaseInUse
from handlers.host.settings import DatabaseSettings

#: To make one copies a template, and to drop one removes its files.
TIME_LIMIT = timedelta(minutes=10)
#: A database is renamed only while nobody is connected to it. Whoever is, is disconnected; who
#: connects again at once is disconnected once more, so often.
TRIES = 5
PAUSE_SECONDS = 0.5
#: Room for what is appended to a name; PostgreSQL would cut a longer one without a word.
LONGEST_NAME = 63
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def exists(settings: DatabaseSettings, name: str) -> bool:
    """Whether the server has a database of that name."""
    with postgres.administer(settings) as connection:
        return _exists(connection, name)


def sizes(settings: DatabaseSettings, beginning: str) -> dict[str, int]:
    """In bytes, of every database whose name begins so."""
    query = (
        "SELECT datname, pg_database_size(oid) FROM pg_database"
        " WHERE starts_with(datname, %s) ORDER BY datname"
    )
    with postgres.administer(settings) as connection:
        return dict(postgres.rows(connection, query, (beginning,)))


def create_beside(settings: DatabaseSettings, name: str, extensions: Sequence[str] = ()) -> None:
    """An empty database with the owner, encoding and locale of Zulip's own, and extensions in it,
    which only a superuser can make."""
    with postgres.administer(settings, timeout=TIME_LIMIT) as connection:
        like = _description(connection, settings.name)
        options = " ".join(_options(settings, like))
        statement = f"CREATE DATABASE {quoted(name)} TEMPLATE template0 {options}"
        postgres.execute(connection, statement)
    if extensions:
        with postgres.administer(settings, database=name, timeout=TIME_LIMIT) as connection:
            for each in extensions:
                postgres.execute(connection, f"CREATE EXTENSION IF NOT EXISTS {quoted(each)}")


def drop(settings: DatabaseSettings, name: str) -> None:
    """Drop it, and disconnect whoever uses it; nothing happens where there is none."""
    _alone(settings, (name,), lambda it: _drop(it, name))


def rename(settings: DatabaseSettings, names: Mapping[str, str]) -> list[str]:
    """Give each its new name, all at once or none; who was connected is disconnected, and told.

    Raises HostFailure when others keep connecting, and then nothing has changed.
    """
    return _alone(settings, tuple(names), lambda connection: _rename(connection, names))


def beside(settings: DatabaseSettings, name: str) -> DatabaseSettings:
    """How another database of the same server is reached as Zulip's own is."""
    return replace(settings, name=name)


def quoted(name: str) -> str:
    """An identifier of SQL, which nothing in the name can end."""
    return '"' + name.replace('"', '""') + '"'


def plain_or_quoted(name: str) -> str:
    """The same as people write it: without quotes where it needs none."""
    return name if _PLAIN.fullmatch(name) else quoted(name)


def _alone(
    settings: DatabaseSettings, names: tuple[str, ...], change: Callable[[Connection], None]
) -> list[str]:
    """Make a change that PostgreSQL refuses while somebody is connected to these databases; who
    was disconnected for it."""
    ended: list[str] = []
    for attempt in range(1, TRIES + 1):
        try:
            with postgres.administer(settings, timeout=TIME_LIMIT) as connection:
                ended += _end_sessions(connection, names)
                change(connection)
        except DatabaseInUse:
            if attempt == TRIES:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            break
    return ended


def _exists(connection: Connection, name: str) -> bool:
    query = "SELECT count(*) > 0 FROM pg_database WHERE datname = %s"
    return postgres.value(connection, query, (name,)) is True


def _drop(connection: Connection, name: str) -> None:
    postgres.execute(connection, f"DROP DATABASE IF EXISTS {quoted(name)}")


def _rename(connection: Connection, names: Mapping[str, str]) -> None:
    # Once it has answered, no crash may take it back: what lies in files is renamed along with it.
    postgres.execute(connection, "SET synchronous_commit = on")
    postgres.execute(connection, "BEGIN")
    for before, after in names.items():
        statement = f"ALTER DATABASE {quoted(before)} RENAME TO {quoted(after)}"
        postgres.execute(connection, statement)
    postgres.execute(connection, "COMMIT")


def _end_sessions(connection: Connection, names: tuple[str, ...]) -> list[str]:
    """Who they were, as they call themselves."""
    query = (
        "SELECT pid, coalesce(nullif(application_name, ''), usename, 'unnamed')"
        " FROM pg_stat_activity WHERE datname = ANY (%s) AND backend_type = 'client backend'"
        " AND pid <> pg_backend_pid()"
    )
    found = postgres.rows(connection, query, (list(names),))
    for pid, _ in found:
        postgres.execute(connection, "SELECT pg_terminate_backend(%s)", (pid,))
    return [name for _, name in found]


def _description(connection: Connection, name: str) -> Mapping[str, object]:
    """Its row in pg_database; which columns that has depends on the major version."""
    query = (
        "SELECT to_jsonb(d) || jsonb_build_object('encoding', pg_encoding_to_char(d.encoding),"
        " 'owner', pg_get_userbyid(d.datdba)) FROM pg_database AS d WHERE datname = %s"
    )
    found = postgres.value(connection, query, (name,))
    if not isinstance(found, dict):
        raise HostFailure(f"There is no database {name} on this server.")
    return found


def _options(settings: DatabaseSettings, like: Mapping[str, object]) -> list[str]:
    options = [
        f"OWNER {quoted(settings.user)}",
        f"ENCODING {_text(like['encoding'])}",
        f"LC_COLLATE {_text(like['datcollate'])}",
        f"LC_CTYPE {_text(like['datctype'])}",
    ]
    # Called otherwise before PostgreSQL 17, and not there before 15.
    locale = like.get("datlocale") or like.get("daticulocale")
    match like.get("datlocprovider"):
        case "i":
            options.append(f"LOCALE_PROVIDER icu ICU_LOCALE {_text(locale)}")
        case "b":
            options.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {_text(locale)}")
    return options


def _text(value: object) -> str:
    """A literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"
