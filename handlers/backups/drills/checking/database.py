"""Holds the restored database to what the commit record says of it, and looks into its tables."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from handlers.backups.contents import database_facts
from handlers.backups.drills.findings import Findings, refuted
from handlers.backups.drills.place.cluster import QUESTION_LIMIT, SUPERUSER, Cluster
from handlers.backups.repository import Snapshot
from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host import postgres, processes
from handlers.host.postgres import Connection

#: Of differences that are named; the rest is counted.
NAMED = 5
SAMPLED = 100
AMCHECK_JOBS = 2
#: What pg_amcheck ends with where it has found something; 1 is that it could not look.
FOUND_CORRUPTION = 2


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows of one table that name rows of another one."""

    table: str
    column: str
    of_table: str
    of_column: str = "id"


#: What Zulip relies on, whether or not the database has a constraint for it.
ZULIPS_OWN = (
    Relation("zerver_message", "sender_id", "zerver_userprofile"),
    Relation("zerver_message", "recipient_id", "zerver_recipient"),
    Relation("zerver_usermessage", "message_id", "zerver_message"),
    Relation("zerver_usermessage", "user_profile_id", "zerver_userprofile"),
    Relation("zerver_userprofile", "realm_id", "zerver_realm"),
    Relation("zerver_attachment", "owner_id", "zerver_userprofile"),
)
#: Constraints of one column each, with names quoted as SQL wants them.
_CONSTRAINTS = """
SELECT conrelid::regclass::text, quote_ident(here.attname),
       confrelid::regclass::text, quote_ident(there.attname), convalidated
FROM pg_constraint
JOIN pg_attribute AS here ON here.attrelid = conrelid AND here.attnum = conkey[1]
JOIN pg_attribute AS there ON there.attrelid = confrelid AND there.attnum = confkey[1]
WHERE contype = 'f' AND cardinality(conkey) = 1
ORDER BY 1, 2
"""
#: Within one table's range of ids, each found through the index.
_SAMPLE = """
SELECT wanted, found.id, length(found.content), found.rendered_content IS NULL,
       EXISTS (SELECT FROM zerver_userprofile AS sender WHERE sender.id = found.sender_id)
FROM unnest(%s) AS wanted
LEFT JOIN LATERAL (SELECT * FROM zerver_message WHERE id >= wanted ORDER BY id LIMIT 1) AS found
    ON true
"""


def check(cluster: Cluster, snapshot: Snapshot, findings: Findings, *, complete: bool) -> None:
    """HostFailure, as `refuted` makes it, at the first thing that is not as it should be."""
    promised = snapshot.facts.get("postgresql")
    if not isinstance(promised, dict):
        raise refuted("The commit record says nothing of its database.")
    try:
        with postgres.connect(cluster.database, timeout=QUESTION_LIMIT) as connection:
            _compare(promised, database_facts.facts(connection), findings)
            _look_for_orphans(connection, findings, everything=complete)
            _read_sample(connection, findings)
        if complete:
            _dump_again(cluster, findings)
            _check_indexes(cluster, findings)
        else:
            findings.not_checked += [
                "Each row was not read: that is part of `drill --complete`.",
                "The indexes were not checked: that is part of `drill --complete`.",
            ]
    except HostFailure as failure:
        raise cluster.why_it_failed() or failure from failure


def _compare(promised: dict[str, JSON], found: dict[str, JSON], findings: Findings) -> None:
    """Dump and facts are of one moment: they agree exactly or not at all."""
    for sentence in _differing_migrations(promised.get("migrations"), found["migrations"]):
        raise refuted(sentence)
    for sentence in _differing_counts(promised, found):
        raise refuted(sentence)
    if not is_same_message(promised.get("newest_message"), found["newest_message"]):
        raise refuted(
            f"The newest message of the restored database is {_message(found['newest_message'])},"
            f" and by the commit record {_message(promised.get('newest_message'))}."
        )
    migrations = found["migrations"]
    count = len(migrations) if isinstance(migrations, list) else 0
    findings.checked.append(f"All {count} migrations are those of the commit record.")
    compared, estimated = _compared(promised, found)
    findings.checked.append(
        f"The newest message, and the number of rows of {len(compared)} tables"
        f" ({_listed(compared)}), are those of the commit record."
    )
    if estimated:
        findings.not_checked.append(
            f"How many rows {_listed(estimated)} should have: these are so large that the copy only"
            " has an estimate."
        )
    findings.facts["newest_message"] = found["newest_message"]
    findings.facts["counts"] = found["counts"]


def _differing_migrations(promised: JSON, found: JSON) -> Iterator[str]:
    wanted = {str(each) for each in promised} if isinstance(promised, list) else set()
    there = {str(each) for each in found} if isinstance(found, list) else set()
    for some, what in (
        (sorted(wanted - there), "The restored database lacks migrations"),
        (
            sorted(there - wanted),
            "The restored database has migrations which the commit record does not name",
        ),
    ):
        if some:
            yield f"{what}: {_named(some)}."


def _differing_counts(promised: dict[str, JSON], found: dict[str, JSON]) -> Iterator[str]:
    """Of what both have counted: large tables are only estimated."""
    here, there = _counted(found), _counted(promised)
    for name, count in there.items():
        if here.get(name, count) != count:
            yield f"The restored database has {here[name]} {name}, and had {count} when copied."


def _compared(promised: dict[str, JSON], found: dict[str, JSON]) -> tuple[list[str], list[str]]:
    """The tables whose rows both have counted, and those of which one of the two only guesses."""
    here, there = _counted(found), _counted(promised)
    counts = found.get("counts")
    rows = counts if isinstance(counts, dict) else {}
    known = [name for name, number in rows.items() if number is not None]
    both = [name for name in known if here.get(name) is not None and there.get(name) is not None]
    return both, [name for name in known if name not in both]


def _listed(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names) or "none"


def _counted(facts: dict[str, JSON]) -> dict[str, JSON]:
    """Only what was counted row by row."""
    counts, estimated = facts.get("counts"), facts.get("counts_estimated")
    guesses = estimated if isinstance(estimated, list) else []
    known = counts if isinstance(counts, dict) else {}
    return {name: count for name, count in known.items() if name not in guesses}


def is_same_message(promised: JSON, found: JSON) -> bool:
    """The same moment may be written in two time zones: each cluster has its own."""
    if not isinstance(promised, dict) or not isinstance(found, dict):
        return promised == found
    moments = (datetime.fromisoformat(str(each["at"])) for each in (promised, found))
    return promised["id"] == found["id"] and next(moments) == next(moments)


def _message(newest: JSON) -> str:
    return f"{newest['id']} of {newest['at']}" if isinstance(newest, dict) else "none"


def _look_for_orphans(connection: Connection, findings: Findings, *, everything: bool) -> None:
    """PostgreSQL itself has just held every row to the constraints that the restore made."""
    declared = [
        (Relation(*row[:4]), bool(row[4])) for row in postgres.rows(connection, _CONSTRAINTS)
    ]
    proved = {relation for relation, validated in declared if validated}
    wanted = [each for each in ZULIPS_OWN if _has(connection, each)]
    wanted += [each for each, _ in declared if each not in wanted]
    asked = wanted if everything else [each for each in wanted if each not in proved]
    for each in asked:
        orphans = _orphans(connection, each)
        if orphans:
            raise refuted(
                f"{orphans:,} rows of {each.table} name a {each.column} that {each.of_table} does"
                " not have."
            )
    findings.checked.append(
        f"No row names another one that is not there ({len(set(wanted) | proved)} relations)."
    )


def _has(connection: Connection, relation: Relation) -> bool:
    tables = (relation.table, relation.of_table)
    if not all(postgres.has_table(connection, table) for table in tables):
        return False
    query = "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s"
    columns = ((relation.table, relation.column), (relation.of_table, relation.of_column))
    return all(postgres.value(connection, query, each) == 1 for each in columns)


def _orphans(connection: Connection, relation: Relation) -> int:
    # Names of ours, or as PostgreSQL itself has quoted them.
    query = (
        f"SELECT count(*) FROM {relation.table} AS here WHERE {relation.column} IS NOT NULL"  # noqa: S608
        f" AND NOT EXISTS (SELECT FROM {relation.of_table} AS there"
        f" WHERE there.{relation.of_column} = here.{relation.column})"
    )
    return int(postgres.value(connection, query))


def _read_sample(connection: Connection, findings: Findings) -> None:
    """Some messages by lot: each is there, can be read, and was sent by somebody."""
    if not postgres.has_table(connection, "zerver_message"):
        findings.not_checked.append("There is no table of messages in it.")
        return
    least, most = postgres.rows(connection, "SELECT min(id), max(id) FROM zerver_message")[0]
    if most is None:
        findings.not_checked.append("There is no message in it that could be read.")
        return
    lot = random.SystemRandom()
    wanted = [lot.randint(least, most) for _ in range(SAMPLED)]
    read = set()
    for _, found, length, _, has_sender in postgres.rows(connection, _SAMPLE, (wanted,)):
        if found is None or length is None or not has_sender:
            raise refuted(f"Message {found} of the restored database cannot be read as one.")
        read.add(found)
    findings.checked.append(f"{len(read)} messages drawn by lot can be read.")


def _dump_again(cluster: Cluster, findings: Findings) -> None:
    """Reads every row with all that belongs to it, which a count does not."""
    argv = cluster.client(
        "pg_dump",
        "--format=custom",
        "--compress=0",
        "--file=/dev/null",
        "--no-sync",
        f"--dbname={cluster.database.name}",
        user=SUPERUSER,
    )
    with cluster.start(argv) as dump:
        dump.check(QUESTION_LIMIT)
    findings.checked.append("pg_dump read every row of it.")


def _check_indexes(cluster: Cluster, findings: Findings) -> None:
    available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'"
    with postgres.connect(cluster.database) as connection:
        is_there = postgres.value(connection, available) == 1
    if not is_there or not (cluster.programs / "pg_amcheck").exists():
        findings.not_checked.append(
            "Tables and indexes were not gone through page by page: the extension amcheck is not"
            " installed here."
        )
        return
    argv = cluster.client(
        "pg_amcheck",
        "--install-missing",
        f"--jobs={AMCHECK_JOBS}",
        f"--database={cluster.database.name}",
        user=SUPERUSER,
    )
    done = cluster.run(argv, timeout=QUESTION_LIMIT, check=False)
    said = done.output + done.errors
    if done.exit_code not in {0, FOUND_CORRUPTION}:
        raise HostFailure(
            "pg_amcheck could not go through the restored database.",
            tail=processes.last_lines(said),
        )
    if done.exit_code == FOUND_CORRUPTION:
        raise refuted(
            "pg_amcheck found the restored database damaged.", tail=processes.last_lines(said)
        )
    findings.checked.append("pg_amcheck went through every table and every B-tree index.")
    findings.not_checked.append("Indexes of other kinds, such as that of the search.")


def _named(names: list[str]) -> str:
    shown = ", ".join(f"`{each}`" for each in names[:NAMED])
    return shown + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
