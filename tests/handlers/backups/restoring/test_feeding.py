"""A dump fed into pg_restore: what comes of it, and what is refused before it is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.backups import catalogue
from handlers.backups.repository import DATABASE
from handlers.backups.restoring.checking import check_database
from handlers.backups.restoring.feeding import restore_argv, restore_dump
from handlers.backups.restoring.source import Source
from handlers.backups.sealing.keys import Keys
from handlers.errors import HostFailure, Reason
from handlers.host import databases, postgres
from handlers.host.age import Identity
from handlers.host.object_store import open_store
from handlers.host.settings import DatabaseSettings, KeySettings
from tests.conftest import Clusters
from tests.handlers.backups.conftest import Desk

BESIDE = "_beside"


def source_of(desk: Desk, keys: Keys | None = None) -> Source:
    newest = catalogue.list_snapshots(desk.store)[0].id
    snapshot = catalogue.snapshot(desk.store, newest)
    return Source(open_store(desk.store), snapshot, keys or Keys())


@pytest.fixture
def beside(desk: Desk) -> Iterator[DatabaseSettings]:
    """An empty database next to that of the desk."""
    settings = desk.host.settings().database
    name = settings.name + BESIDE
    databases.create_beside(settings, name)
    yield databases.beside(settings, name)
    databases.drop(settings, name)


def programs(into: DatabaseSettings) -> Path:
    assert into.programs is not None
    return into.programs


def test_what_was_copied_is_there_again_and_nothing_differs(
    desk: Desk, beside: DatabaseSettings
) -> None:
    desk.back_up()
    source = source_of(desk)

    restore_dump(source.plain(DATABASE), beside, programs(beside))

    with postgres.connect(beside) as connection:
        checked = check_database(connection, source.snapshot)
        owner = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'zulip'"
        assert postgres.rows(connection, owner) == [("zulip",)]
    assert checked.differences == ()
    counts = checked.same["counts"]
    assert isinstance(counts, dict)
    assert (counts["realms"], counts["users"], counts["messages"]) == (2, 40, 300)


def test_every_difference_is_a_sentence(desk: Desk, beside: DatabaseSettings) -> None:
    desk.back_up()
    source = source_of(desk)
    restore_dump(source.plain(DATABASE), beside, programs(beside))
    assert desk.host.database is not None
    desk.host.database.cluster.sql(
        "DELETE FROM zulip.zerver_message WHERE id = 300;"
        "DELETE FROM zulip.django_migrations WHERE app = 'sessions';"
        "INSERT INTO zulip.django_migrations (app, name, applied) VALUES ('zerver', '9', now());"
        "INSERT INTO zulip.zerver_realm SELECT 3, 'x', 'x', now(), false;",
        database=beside.name,
    )

    with postgres.connect(beside) as connection:
        checked = check_database(connection, source.snapshot)

    assert len(checked.differences) == 5
    said = " ".join(checked.differences)
    assert "lacks the migrations sessions.0001_initial." in said
    assert "has, and the copy had not, the migrations zerver.9." in said
    assert "It has 3 realms; the commit record says 2." in said
    assert "It has 299 messages; the commit record says 300." in said
    assert "Its newest message is 299 of 2026-01-01T00:49:50+00:00; the commit record" in said


def test_no_byte_of_an_object_is_used_that_is_not_what_was_written(desk: Desk) -> None:
    desk.back_up()
    source = source_of(desk)
    path = desk.directory / source.snapshot.streams[DATABASE].objects[0].key
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)

    stream = source.plain(DATABASE)

    with pytest.raises(HostFailure, match="is not what was written") as failure:
        next(stream)
    assert failure.value.reason is Reason.VERIFICATION_FAILED


def test_an_object_that_is_missing_is_named(desk: Desk, beside: DatabaseSettings) -> None:
    desk.back_up()
    source = source_of(desk)
    key = source.snapshot.streams[DATABASE].objects[0].key
    (desk.directory / key).unlink()

    with pytest.raises(HostFailure, match=f"{key} is missing"):
        restore_dump(source.plain(DATABASE), beside, programs(beside))


def test_the_wrong_key_and_no_key_are_told_apart(desk: Desk) -> None:
    recovery = Identity.generate()
    desk.keys = KeySettings(recovery=(recovery.recipient,))
    desk.back_up()

    with pytest.raises(HostFailure, match=r"no key that opens it is on this host. It needs the re"):
        next(source_of(desk).plain(DATABASE))
    with pytest.raises(HostFailure, match="no key that opens it is on this host"):
        next(source_of(desk, Keys(named=Identity.generate())).plain(DATABASE))
    assert next(source_of(desk, Keys(named=recovery)).plain(DATABASE)).startswith(b"PGDMP")


def test_pg_restore_stops_at_the_first_error(desk: Desk, beside: DatabaseSettings) -> None:
    desk.back_up()
    assert desk.host.database is not None
    cluster = desk.host.database.cluster
    cluster.sql("CREATE SCHEMA zulip", database=beside.name, user="zulip")

    with pytest.raises(HostFailure, match=r"could not be restored into .*_beside") as failure:
        restore_dump(source_of(desk).plain(DATABASE), beside, programs(beside))

    assert failure.value.reason is Reason.TOOL_FAILED
    assert 'schema "zulip" already exists' in failure.value.tail
    assert (
        cluster.sql(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'zulip'", database=beside.name
        )
        == "0"
    )


def test_a_dump_can_do_no_more_than_the_role_that_owns_the_database(
    desk: Desk, beside: DatabaseSettings
) -> None:
    """A superuser's dump could start programs; this one is refused to."""
    assert desk.host.database is not None
    cluster, name = desk.host.database.cluster, desk.host.database.name
    cluster.sql(
        "CREATE TABLE zulip.of_root (one int); ALTER TABLE zulip.of_root OWNER TO postgres;"
        "GRANT SELECT ON zulip.of_root TO zulip;",
        database=name,
    )
    desk.back_up()

    with pytest.raises(HostFailure) as failure:
        restore_dump(source_of(desk).plain(DATABASE), beside, programs(beside))

    assert 'must be able to SET ROLE "postgres"' in failure.value.tail
    assert f"--username={beside.user}" in restore_argv(beside, programs(beside))


def test_postgresql_killed_in_the_middle_ends_it_with_a_sentence(
    make_desk: object, own_cluster: PostgresCluster
) -> None:
    assert callable(make_desk)
    desk: Desk = make_desk(own_cluster)
    desk.host.grow_database(20_000)
    desk.back_up()
    settings = desk.host.settings().database
    databases.create_beside(settings, settings.name + BESIDE)
    into = databases.beside(settings, settings.name + BESIDE)
    source, killed = source_of(desk), False

    def plain() -> Iterator[bytes]:
        nonlocal killed
        for chunk in source.plain(DATABASE):
            yield chunk
            if not killed:
                own_cluster.kill()
                killed = True

    with pytest.raises(HostFailure, match="`pg_restore` ended with exit code 1") as failure:
        restore_dump(plain(), into, programs(into))

    assert failure.value.reason is Reason.TOOL_FAILED
    own_cluster.start()
    with postgres.connect(settings) as connection:
        assert postgres.value(connection, "SELECT count(*) FROM zerver_message") == 20_300


def test_a_dump_of_a_newer_postgresql_is_refused_by_an_older_pg_restore(
    make_desk: object, clusters: Clusters, cluster: PostgresCluster
) -> None:
    assert callable(make_desk)
    desk: Desk = make_desk(clusters.of(18))
    desk.back_up()
    older = cluster.settings("postgres")
    databases.create_beside(older, "older" + BESIDE)
    into = databases.beside(older, "older" + BESIDE)

    try:
        with pytest.raises(HostFailure) as failure:
            restore_dump(source_of(desk).plain(DATABASE), into, programs(into))
    finally:
        databases.drop(older, into.name)

    assert "unsupported version" in failure.value.tail
