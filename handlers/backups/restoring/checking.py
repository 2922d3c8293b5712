"""Holds a restored database to what the commit record of its copy says of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handlers.backups.contents import database_facts
from handlers.backups.repository import Snapshot
from handlers.backups.uploads import Indexed
from handlers.contract import JSON
from handlers.host import postgres
from handlers.host.postgres import Connection

#: Of names that are told; the rest is counted.
NAMED = 5
#: Below the uploads, where attachments lie.
FILES = "files/"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a restored database was found to be."""

    #: Sentences; with any of them it is not what was copied.
    differences: tuple[str, ...]
    #: What was compared and is the same, for evidence.
    same: Mapping[str, JSON]


def check_database(connection: Connection, snapshot: Snapshot) -> Checked:
    """Compare migrations, counts and the newest message: the dump and they are of one moment."""
    promised = snapshot.facts.get("postgresql")
    if not isinstance(promised, dict):
        return Checked(("The commit record says nothing of its database.",), {})
    found = database_facts.facts(connection)
    differences = (
        *_migrations(promised.get("migrations"), found["migrations"]),
        *_counts(promised, found),
        *_newest_message(promised.get("newest_message"), found["newest_message"]),
    )
    same: dict[str, JSON] = {
        "migrations": _length(found["migrations"]),
        "counts": found["counts"],
        "newest_message": found["newest_message"],
    }
    return Checked(differences, same)


def missing_attachments(connection: Connection, index: Iterator[Indexed]) -> list[str]:
    """The attachments that the database names and the index does not hold, sorted.

    Their names are all in memory: some hundred bytes for each.
    """
    if not postgres.has_table(connection, "zerver_attachment"):
        return []
    named = {row[0] for row in postgres.rows(connection, "SELECT path_id FROM zerver_attachment")}
    for line in index:
        named.discard(line.path.removeprefix(FILES))
    return sorted(named)


def attachments_sentence(missing: list[str]) -> str | None:
    """How many are not in the copy, with the first few names; None: all are."""
    if not missing:
        return None
    shown = ", ".join(f"`{each}`" for each in missing[:NAMED])
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    are = (
        "One attachment that the database names is"
        if len(missing) == 1
        else (f"{len(missing):,} attachments that the database names are")
    )
    return f"{are} not in the copy: {shown}{more}."


def _migrations(promised: JSON, found: JSON) -> Iterator[str]:
    if not isinstance(promised, list) or not isinstance(found, list):
        return
    lacks = sorted({str(each) for each in promised} - {str(each) for each in found})
    surplus = sorted({str(each) for each in found} - {str(each) for each in promised})
    for each, what in ((lacks, "lacks"), (surplus, "has, and the copy had not,")):
        if each:
            yield f"The restored database {what} the migrations {', '.join(each[:NAMED])}."


def _counts(promised: Mapping[str, JSON], found: Mapping[str, JSON]) -> Iterator[str]:
    """Only what both have counted one by one."""
    then, now = promised.get("counts"), found.get("counts")
    if not isinstance(then, dict) or not isinstance(now, dict):
        return
    estimated = {*_names(promised), *_names(found)}
    for name, count in then.items():
        if name in now and name not in estimated and now[name] != count:
            yield f"It has {now[name]} {name}; the commit record says {count}."


def _names(of: Mapping[str, JSON]) -> list[str]:
    """Of counts that are PostgreSQL's own estimates."""
    names = of.get("counts_estimated")
    return [str(each) for each in names] if isinstance(names, list) else []


def _newest_message(promised: JSON, found: JSON) -> Iterator[str]:
    if promised != found:
        yield (
            f"Its newest message is {_message(found)}; the commit record says {_message(promised)}."
        )


def _message(message: JSON) -> str:
    return f"{message['id']} of {message['at']}" if isinstance(message, dict) else "none"


def _length(names: JSON) -> int:
    return len(names) if isinstance(names, list) else 0
