"""Databases made beside Zulip's own, renamed together, and dropped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.errors import HostFailure
from handlers.host import databases, postgres
from handlers.host.settings import DatabaseSettings


@contextmanager
def dropped(settings: DatabaseSettings, *names: str) -> Iterator[None]:
    try:
        yield
    finally:
        for name in names:
            databases.drop(settings, name)


def test_one_beside_has_owner_encoding_and_locale_of_the_first(
    each_cluster: PostgresCluster,
) -> None:
    settings = each_cluster.create_database("first")
    with dropped(settings, "first", "second"):
        databases.create_beside(settings, "second", extensions=("plpgsql",))

        described = each_cluster.sql(
            "SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype FROM pg_database"
            " WHERE datname IN ('first', 'second')",
            database="postgres",
        ).splitlines()
        assert len(described) == 2
        assert described[0] == described[1]
        assert described[0].startswith("zulip|")
        assert databases.exists(settings, "second")
        with postgres.connect(databases.beside(settings, "second")) as connection:
            assert postgres.migrations(connection) == []
    assert not databases.exists(settings, "second")


def test_names_change_together_and_whoever_is_connected_is_disconnected(
    database: DatabaseSettings,
) -> None:
    one, two, kept = database.name, f"{database.name}_two", f'{database.name}_"kept"'
    databases.create_beside(database, two)
    with dropped(database, kept), postgres.connect(database) as open_connection:
        ended = databases.rename(database, {one: kept, two: one})

        assert ended == ["zulip-ops"]
        assert databases.exists(database, kept)
        assert not databases.exists(database, two)
        with pytest.raises(psycopg2.Error):
            postgres.value(open_connection, "SELECT 1")


def test_a_name_that_is_taken_changes_nothing(database: DatabaseSettings) -> None:
    one, two = database.name, f"{database.name}_two"
    databases.create_beside(database, two)
    with dropped(database, two):
        with pytest.raises(HostFailure, match="already exists"):
            databases.rename(database, {one: f"{one}_kept", two: "postgres"})

        assert databases.exists(database, one)
        assert not databases.exists(database, f"{one}_kept")


def test_somebody_who_comes_back_at_once_does_not_stop_it(database: DatabaseSettings) -> None:
    """As a connection pool does."""
    two, done, there = f"{database.name}_two", threading.Event(), threading.Event()

    def insist() -> None:
        while not done.is_set():
            try:
                with postgres.connect(database) as connection:
                    postgres.value(connection, "SELECT pg_sleep(0.05)")
                    there.set()
            except HostFailure:
                continue

    threads = [threading.Thread(target=insist) for _ in range(3)]
    for each in threads:
        each.start()
    try:
        assert there.wait(20)
        databases.rename(database, {database.name: two})
    finally:
        done.set()
        for each in threads:
            each.join()
    assert databases.exists(database, two)
    databases.rename(database, {two: database.name})


def test_sizes_are_told_by_the_beginning_of_the_name(database: DatabaseSettings) -> None:
    two = f"{database.name}_two"
    databases.create_beside(database, two)
    with dropped(database, two):
        found = databases.sizes(database, database.name)

    assert sorted(found) == [database.name, two]
    assert all(size > 1_000_000 for size in found.values())


@pytest.mark.parametrize(
    ("name", "written"),
    [("zulip_before_12", "zulip_before_12"), ("Zulip", '"Zulip"'), ('a"b', '"a""b"')],
)
def test_names_are_quoted_only_where_they_need_it(name: str, written: str) -> None:
    assert databases.plain_or_quoted(name) == written
