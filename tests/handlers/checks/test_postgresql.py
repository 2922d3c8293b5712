"""The database is asked for its size and its sessions; one that is gone is unknown."""

from dataclasses import replace
from datetime import timedelta

import psycopg2
import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.checks.contract import Context, Level
from handlers.checks.postgresql import Activity, judge, observe
from handlers.host.postgres import DatabaseFacts
from handlers.host.settings import DatabaseSettings


def of_database(context: Context, database: DatabaseSettings) -> Context:
    return replace(context, host=replace(context.host, database=database))


def test_version_size_and_sessions_are_told(
    context: Context, database: DatabaseSettings, cluster: PostgresCluster
) -> None:
    before = observe(of_database(context, database))
    assert before.level is Level.OK
    assert str(before.values["version"]).startswith("16.")
    assert before.values["replicas"] == 0
    assert before.values["max_connections"] == 60
    cluster.sql(
        "CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)",
        database=database.name,
    )
    after = observe(of_database(context, database))
    sizes = (before.values["size_bytes"], after.values["size_bytes"])
    assert isinstance(sizes[0], int)
    assert isinstance(sizes[1], int)
    assert sizes[1] - sizes[0] > 2_000_000


def test_an_open_transaction_is_seen(context: Context, database: DatabaseSettings) -> None:
    assert observe(of_database(context, database)).values["oldest_transaction_seconds"] is None
    other = psycopg2.connect(
        host=database.host, port=database.port, dbname=database.name, user=database.user
    )
    try:
        other.cursor().execute("SELECT pg_sleep(0.05)")
        finding = observe(of_database(context, database))
        seconds = finding.values["oldest_transaction_seconds"]
        assert isinstance(seconds, float)
        assert seconds > 0.04
        assert finding.values["connections"] == 2
    finally:
        other.close()


def test_a_stopped_cluster_is_unknown_with_the_reason(
    context: Context, own_cluster: PostgresCluster
) -> None:
    own_cluster.stop()
    finding = observe(of_database(context, own_cluster.settings("postgres")))
    assert finding.level is Level.UNKNOWN
    assert finding.sentence.startswith("The database could not be asked: ")
    assert str(own_cluster.socket) in finding.sentence
    assert finding.hint


def test_a_database_that_is_not_there_is_unknown(
    context: Context, database: DatabaseSettings
) -> None:
    finding = observe(of_database(context, replace(database, name="other")))
    assert finding.level is Level.UNKNOWN
    assert "other" in finding.sentence


FACTS = DatabaseFacts("16.4", 16, "1", 2**30, 10, 100)


@pytest.mark.parametrize(
    ("connections", "oldest", "level", "word"),
    [
        (10, None, Level.OK, "the database is 1.1 GB, 10 of 100 connections are in use."),
        (10, timedelta(minutes=90), Level.OK, ""),
        (80, None, Level.WARNING, "80 of 100 connections"),
        (10, timedelta(hours=3), Level.WARNING, "A transaction has been open for 3 h."),
    ],
)
def test_full_and_blocked_databases_are_warnings(
    connections: int, oldest: timedelta | None, level: Level, word: str
) -> None:
    finding = judge(replace(FACTS, connections=connections), Activity(oldest, 0))
    assert finding.level is level
    assert word in finding.sentence
    assert (finding.hint is None) == (level is Level.OK)
