"""The door to PostgreSQL."""

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.errors import HostFailure
from handlers.host import postgres
from handlers.host.settings import DatabaseSettings

MIGRATIONS = """
CREATE TABLE django_migrations (app text, name text);
INSERT INTO django_migrations VALUES ('zerver', '0002_b'), ('zerver', '0001_a'), ('auth', '0001');
GRANT SELECT ON django_migrations TO zulip;
"""


def test_facts_are_read_as_the_role_zulip(database: DatabaseSettings) -> None:
    with postgres.connect(database) as connection:
        facts = postgres.read_facts(connection)

    assert facts.server_version.startswith(f"{facts.major}.")
    assert facts.system_identifier.isdigit()
    assert facts.size_bytes > 1_000_000
    assert 1 <= facts.connections <= facts.connection_limit


def test_migrations_are_sorted_and_named_with_their_app(
    cluster: PostgresCluster, database: DatabaseSettings
) -> None:
    cluster.sql(MIGRATIONS, database=database.name)

    with postgres.connect(database) as connection:
        assert postgres.migrations(connection) == ["auth.0001", "zerver.0001_a", "zerver.0002_b"]


def test_a_database_without_django_has_no_migrations(database: DatabaseSettings) -> None:
    with postgres.connect(database) as connection:
        assert postgres.migrations(connection) == []


def test_nothing_can_be_written_through_the_door(database: DatabaseSettings) -> None:
    with (
        pytest.raises(HostFailure, match="read-only transaction"),
        postgres.connect(database) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE written (one int)")


def test_a_statement_that_takes_too_long_is_ended(database: DatabaseSettings) -> None:
    started = time.monotonic()

    with (
        pytest.raises(HostFailure, match="statement timeout"),
        postgres.connect(database, timeout=timedelta(seconds=0.3)) as connection,
    ):
        postgres.rows(connection, "SELECT pg_sleep(30)")

    assert time.monotonic() - started < 5


def test_an_unreachable_server_is_one_sentence(tmp_path: Path) -> None:
    nowhere = DatabaseSettings(host=str(tmp_path), system_user=None)

    with pytest.raises(HostFailure) as failure, postgres.connect(nowhere):
        pass

    assert str(tmp_path) in failure.value.message
    assert failure.value.message.endswith("No such file or directory.")
    assert failure.value.hint is not None


def test_an_account_that_does_not_exist_is_named(database: DatabaseSettings) -> None:
    with (
        pytest.raises(HostFailure, match="account no-such-account does not exist"),
        postgres.connect(replace(database, system_user="no-such-account")),
    ):
        pass


def test_programs_of_a_major_that_is_not_installed_are_missed(database: DatabaseSettings) -> None:
    with pytest.raises(HostFailure) as failure:
        postgres.programs_directory(replace(database, programs=None), 9)

    assert failure.value.hint == "Install the package postgresql-client-9."


def test_variables_of_the_environment_do_not_lead_elsewhere(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATABASE", "elsewhere")
    monkeypatch.setenv("PGHOST", "192.0.2.1")
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1")
    monkeypatch.setenv("PGPASSFILE", "/etc/shadow")

    with postgres.connect(database) as connection:
        assert postgres.value(connection, "SELECT current_database()") == database.name
