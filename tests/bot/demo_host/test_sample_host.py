"""The sample host has what handlers look for, and changes as a real host does."""

import configparser
import subprocess
import time
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.host import Extent, SampleHost
from handlers.host import postgres
from handlers.host.deployments import current_deployment


def database_of(cluster: PostgresCluster, name: str, statement: str) -> str:
    return cluster.sql(statement, database=name, user="zulip")


@pytest.fixture
def bare(tmp_path: Path) -> SampleHost:
    return SampleHost.create(tmp_path / "host", version="1.3", extent=Extent(uploads=60))


def uploaded(host: SampleHost) -> dict[str, int]:
    files = host.layout.uploads / "files"
    return {
        str(path.relative_to(files)): path.stat().st_size
        for path in files.rglob("*")
        if path.is_file()
    }


def test_the_tree_is_that_of_a_zulip_server(bare: SampleHost) -> None:
    layout = bare.layout
    assert current_deployment(layout).version == "1.3"
    assert layout.next.resolve() == layout.current.resolve()
    assert not layout.last.exists()
    assert (layout.current / "zproject/prod_settings.py").resolve() == layout.settings_file
    assert (layout.logs / "errors.log").stat().st_size > 0
    assert layout.os_release.read_text().count("debian") == 1
    pictures = list((layout.uploads / "avatars/2").iterdir())
    avatars = {path.name[:40] for path in pictures if path.is_file()}
    assert len(pictures) - len(avatars) * 3 == 2  # the emoji, and the icon of the realm
    assert len(avatars) == 11


def test_secrets_are_private_and_different_on_each_host(bare: SampleHost, tmp_path: Path) -> None:
    other = SampleHost.create(tmp_path / "other", extent=Extent(uploads=0))
    assert bare.layout.secrets_file.stat().st_mode & 0o777 == 0o640
    first, second = configparser.RawConfigParser(), configparser.RawConfigParser()
    first.read(bare.layout.secrets_file)
    second.read(other.layout.secrets_file)
    assert set(first["secrets"]) >= {"secret_key", "rabbitmq_password", "avatar_salt"}
    assert first["secrets"]["secret_key"] != second["secrets"]["secret_key"]


def test_scripts_of_the_tree_act_on_the_programs(bare: SampleHost) -> None:
    scripts = bare.layout.current / "scripts"
    stopped = subprocess.run([scripts / "stop-server"], capture_output=True, text=True, check=True)
    assert stopped.stdout.endswith("Zulip stopped successfully!\x1b[0m\n")
    status = subprocess.run([bare.layout.supervisorctl, "status"], capture_output=True, check=False)
    assert status.returncode == 3
    other = subprocess.run(
        [scripts / "upgrade-zulip-from-git"], capture_output=True, text=True, check=False
    )
    assert (other.returncode, "does not imitate" in other.stderr) == (1, True)


def test_a_version_switch_moves_all_links(bare: SampleHost) -> None:
    before = bare.layout.current.resolve()
    after = bare.switch_version("1.4")
    assert after.name > before.name
    assert bare.layout.last.resolve() == before
    assert bare.layout.current.resolve() == bare.layout.next.resolve() == after


def test_uploads_are_the_same_for_the_same_seed(bare: SampleHost, tmp_path: Path) -> None:
    twin = SampleHost.create(tmp_path / "twin", extent=Extent(uploads=60))
    other = SampleHost.create(tmp_path / "other", extent=Extent(uploads=60, seed=2))
    sizes = uploaded(bare)
    assert len(sizes) == 60
    assert sizes == uploaded(twin)
    assert set(sizes).isdisjoint(uploaded(other))
    path = next(iter(sizes))
    contents = [(host.layout.uploads / "files" / path).read_bytes() for host in (bare, twin)]
    assert contents[0] == contents[1]


def test_most_uploads_are_small_and_some_are_large(bare: SampleHost) -> None:
    sizes = sorted(uploaded(bare).values())
    assert sizes[0] > 0
    assert 2_000 < sizes[30] < 32_000
    assert sizes[-1] > 5 * sizes[30]


def test_more_uploads_leave_the_earlier_ones_alone(bare: SampleHost) -> None:
    before = uploaded(bare)
    bare.add_uploads(5)
    after = uploaded(bare)
    assert len(after) == 65
    assert before.items() <= after.items()


def test_the_database_looks_like_zulips(cluster: PostgresCluster, tmp_path: Path) -> None:
    name = "sample_looks"
    host = SampleHost.create(
        tmp_path / "host", database=(cluster, name), extent=Extent(messages=500, uploads=20)
    )
    with postgres.connect(host.settings().database) as connection:
        assert "zerver.0001_initial" in postgres.migrations(connection)
        assert postgres.value(connection, "SELECT count(*) FROM zerver_message") == 500
        assert postgres.value(connection, "SELECT count(*) FROM zerver_usermessage") == 1000
        found = "SELECT count(*) FROM zerver_message WHERE search_tsvector @@ to_tsquery('backup')"
        assert 0 < postgres.value(connection, found) < 500
        rows = postgres.rows(connection, "SELECT path_id, size FROM zerver_attachment")
        assert {str(path): size for path, size in rows} == uploaded(host)
    cluster.drop_database(name)


def test_the_database_and_its_attachments_grow(cluster: PostgresCluster, tmp_path: Path) -> None:
    name = "sample_grows"
    host = SampleHost.create(
        tmp_path / "host", database=(cluster, name), extent=Extent(messages=0, uploads=0)
    )
    host.grow_database(10)
    host.grow_database(10)
    host.add_uploads(3)
    count = "SELECT count(*), max(id) FROM zerver_message"
    assert database_of(cluster, name, count) == "20|20"
    assert database_of(cluster, name, "SELECT count(*) FROM zerver_attachment") == "3"
    inserted = "INSERT INTO zerver_message SELECT * FROM zerver_message WHERE false; SELECT 1"
    assert database_of(cluster, name, inserted) == "1"
    cluster.drop_database(name)


def test_ten_thousand_messages_are_quick(cluster: PostgresCluster, tmp_path: Path) -> None:
    name = "sample_quick"
    started = time.monotonic()
    SampleHost.create(
        tmp_path / "host", database=(cluster, name), extent=Extent(messages=10_000, uploads=0)
    )
    assert time.monotonic() - started < 8  # 0.5 s on a quiet machine
    cluster.drop_database(name)


def test_a_host_without_a_database_cannot_grow_one(bare: SampleHost) -> None:
    with pytest.raises(ValueError, match="no database"):
        bare.grow_database(1)
