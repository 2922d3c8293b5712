"""What a dump needs is read from its table of contents before anything of it is restored."""

import io
import tarfile

from bot.demo.postgres_cluster import PostgresCluster
from handlers.backups.contents.roles import NAME
from handlers.backups.drills.dumps import Needs
from handlers.backups.drills.roles import names_in
from tests.handlers.backups.conftest import Desk
from tests.handlers.backups.drills.conftest import Range
from tests.handlers.backups.reading.test_verify import plain_of, rewrite_object

#: An extension belongs to nobody there, and its line ends in a blank.
LISTED = "\n".join(
    (
        ";",
        "; Archive created at 2026-11-25 14:05:57 UTC",
        ";     dbname: zulip",
        ";",
        "6; 2615 16386 SCHEMA - zulip zulip",
        "5; 2615 2200 SCHEMA - public pg_database_owner",
        "2; 3079 16387 EXTENSION - pgroonga ",
        "3711; 0 0 COMMENT - EXTENSION pgroonga ",
        "3; 3079 13000 EXTENSION - plpgsql ",
        "219; 1259 16388 TABLE zulip django_migrations zulip",
        "220; 1259 16395 TABLE zulip odd reporting",
        "2603; 0 16388 TABLE DATA zulip django_migrations zulip",
    )
)


def test_owners_and_extensions_stand_in_the_table_of_contents() -> None:
    needs = Needs.parse(LISTED)

    assert needs.owners == {"zulip", "pg_database_owner", "reporting"}
    assert needs.extensions == {"pgroonga"}


def test_of_an_empty_list_nothing_is_needed() -> None:
    assert Needs.parse(";\n;\n") == Needs(frozenset(), frozenset())


def test_the_roles_that_a_copy_brings_are_known_by_name() -> None:
    said = (
        'CREATE ROLE nagios;\nALTER ROLE nagios WITH NOSUPERUSER;\nCREATE ROLE "Odd ""one""";\n'
        "-- CREATE ROLE none;\nCREATE ROLE zulip;\nCREATE ROLE x; DROP TABLE y;\n"
    )

    assert names_in(said) == {"nagios", 'Odd "one"', "zulip"}


def test_what_belongs_to_others_is_restored_and_told(
    desk: Desk, range_: Range, cluster: PostgresCluster
) -> None:
    """A role that a real restore would miss, unless the copy brings it."""
    role = f"reporting_{desk.host.settings().database.name}"
    database = desk.host.settings().database.name
    cluster.sql(
        f"CREATE ROLE {role}; CREATE TABLE public.odd (a int);"
        f" ALTER TABLE public.odd OWNER TO {role}; GRANT SELECT ON public.odd TO zulip;"
        # So that the dump speaks of the schema, which belongs to pg_database_owner.
        " GRANT CREATE ON SCHEMA public TO zulip",
        database=database,
    )
    try:
        snapshot = str(desk.back_up().facts["snapshot"])
        bring_roles(desk, snapshot, "")
        without = warnings_of(range_)
        bring_roles(desk, snapshot, f"CREATE ROLE {role};\n")
        brought = warnings_of(range_)
    finally:
        cluster.sql(f"DROP OWNED BY {role}; DROP ROLE {role}", database=database)

    assert f"Objects belong to the role `{role}`" in without
    assert "Objects belong to the role" not in brought


def warnings_of(range_: Range) -> str:
    evidence = range_.drill().facts["shown"]
    assert isinstance(evidence, dict)
    return str(evidence["warnings"])


def bring_roles(desk: Desk, snapshot: str, said: str) -> None:
    """As a copy does that holds what pg_dumpall says."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.GNU_FORMAT) as writer:
        before = io.BytesIO(plain_of(desk, snapshot, "configuration"))
        with tarfile.open(fileobj=before) as reader:
            for member in reader:
                if member.name == NAME:
                    continue
                writer.addfile(member, reader.extractfile(member) if member.isreg() else None)
        added = tarfile.TarInfo(NAME)
        added.size = len(said)
        writer.addfile(added, io.BytesIO(said.encode()))
    rewrite_object(desk, snapshot, "configuration", tar.getvalue())
