"""The commands that restore a copy by hand, run as they are printed, with the real programs."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.backups import catalogue, streams
from handlers.backups.showing import show_backup
from handlers.backups.showing.by_hand import commands, database_name
from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host import processes
from handlers.host.age import Identity
from handlers.host.settings import DatabaseSettings, KeySettings, StoreSettings
from tests.handlers.backups.conftest import Desk

LIMIT = timedelta(seconds=60)
ROWS = "SELECT count(*), sum(hashtext(content)), max(id) FROM zulip.zerver_message"
NEEDS_ZSTD = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
NEEDS_AGE = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")


def files_below(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def printed(desk: Desk, copy: str = "12", *stores: StoreSettings) -> list[str]:
    """As `backup show 12 --by-hand` says them."""
    context, args = desk.context(*stores), show_backup.Args(copy, by_hand=True)
    shown = show_backup.run(context, args, show_backup.plan(context, args)).facts["shown"]
    assert isinstance(shown, dict)
    return [str(line) for line in _list(shown["commands"])]


def _list(value: JSON) -> list[JSON]:
    assert isinstance(value, list)
    return value


def carry_out(lines: list[str], target: Path, home: Path) -> None:
    """All of them in one shell, which ends at the first that fails."""
    target.mkdir()
    script = "\n".join(("set -e", *lines))
    environment = {"HOME": str(home)}
    argv = ("/bin/bash", "-c", script)
    processes.run(argv, timeout=LIMIT, directory=target, environment=environment)


@pytest.fixture(params=["sealed", "open"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> KeySettings:
    """The recovery key that a person brings along, where the copies are sealed."""
    if request.param == "open":
        return KeySettings()
    if shutil.which("age") is None:
        pytest.skip("age is not installed")
    key = tmp_path / "home" / "recovery.key"
    key.parent.mkdir()
    processes.run(("age-keygen", "-o", str(key)), timeout=LIMIT)
    return KeySettings(recovery=(Identity.read(key).recipient,))


@pytest.fixture
def restored(desk: Desk, cluster: PostgresCluster) -> Iterator[list[str]]:
    """Names of databases that the commands made."""
    made: list[str] = []
    yield made
    for name in made:
        cluster.drop_database(name)


@NEEDS_ZSTD
def test_the_printed_commands_bring_everything_back(
    desk: Desk,
    cluster: PostgresCluster,
    tmp_path: Path,
    keys: KeySettings,
    restored: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "OBJECT_BYTES", 64 * 1024)
    desk.keys = keys
    first = str(desk.back_up().facts["snapshot"])
    desk.host.grow_database(30_000)
    desk.host.add_uploads(3)
    second = str(desk.back_up().facts["snapshot"])
    restored.append(database_name(second))
    assert len(catalogue.snapshot(desk.store, second).streams["database"].objects) > 1

    target = tmp_path / "restored"
    carry_out(printed(desk, second), target, tmp_path / "home")

    layout, database = desk.host.layout, desk.host.database
    assert database is not None
    assert f"for id in {first} {second}; do" in printed(desk, second)
    assert files_below(target / "uploads") == files_below(layout.uploads)
    assert files_below(target / "etc/zulip") == files_below(layout.configuration)
    before, after = (
        cluster.sql(ROWS, database=name) for name in (database.name, database_name(second))
    )
    assert before == after
    owner = f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{restored[0]}'"
    assert cluster.sql(owner, database="postgres").strip() == "zulip"


@NEEDS_ZSTD
@NEEDS_AGE
def test_another_key_restores_nothing_and_says_why(
    desk: Desk, tmp_path: Path, restored: list[str]
) -> None:
    desk.keys = KeySettings(recovery=(Identity.generate().recipient,))
    snapshot_id = str(desk.back_up().facts["snapshot"])
    restored.append(database_name(snapshot_id))
    home = tmp_path / "home"
    home.mkdir()
    (home / "recovery.key").write_text(f"{Identity.generate().text}\n")

    with pytest.raises(HostFailure) as failure:
        carry_out(printed(desk), tmp_path / "restored", home)

    assert "no identity matched any of the recipients" in failure.value.tail
    assert not files_below(tmp_path / "restored")


def test_a_bucket_is_fetched_first(desk: Desk, s3_store_settings: StoreSettings) -> None:
    snapshot_id = str(desk.back_up(s3_store_settings).facts["snapshot"])

    lines = printed(desk, snapshot_id, s3_store_settings)

    prefix, endpoint = s3_store_settings.prefix, s3_store_settings.endpoint
    assert "copies=$PWD/copies" in lines
    assert (
        f"  aws s3 cp --recursive --endpoint-url {endpoint} s3://zulip-ops/{prefix}/objects/$id"
        ' "$copies/objects/$id" || break'
    ) in lines


def test_a_directory_goes_before_a_bucket(desk: Desk, s3_store_settings: StoreSettings) -> None:
    desk.back_up(s3_store_settings, desk.store)

    assert f"copies={desk.directory}" in printed(desk, "12", s3_store_settings, desk.store)


def test_with_peer_authentication_postgresql_is_asked_by_its_own_account(desk: Desk) -> None:
    snapshot_id = str(desk.back_up().facts["snapshot"])
    snapshot = catalogue.snapshot(desk.store, snapshot_id)

    lines = commands(snapshot, desk.store, DatabaseSettings())

    assert (
        "runuser -u postgres -- createdb --host=/var/run/postgresql --port=5432"
        f" --username=postgres --owner=zulip {database_name(snapshot_id)}"
    ) in lines
