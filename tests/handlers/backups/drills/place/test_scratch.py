"""A drill takes place away from everything that lives, and only where nothing else is."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.backups.drills.place import scratch
from handlers.errors import HostFailure, Reason
from handlers.host.settings import DrillSettings


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Short: the path of a socket below it has to fit, however deep the tests' own folders lie."""
    with TemporaryDirectory(prefix="d-", dir="/tmp") as name:
        yield Path(name)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")


def test_a_directory_that_is_not_there_yet_is_fit() -> None:
    assert scratch.unfit(Path("/var/lib/zulip-ops-drills-not-there")) is None


def test_nothing_is_drilled_below_the_data_of_a_live_cluster(cluster: PostgresCluster) -> None:
    why = scratch.unfit(cluster.data / "base" / "drills")

    assert why is not None
    assert f"lies below {cluster.data}, where a PostgreSQL keeps its data" in why


def test_nothing_is_drilled_below_a_tablespace(tmp_path: Path) -> None:
    (tmp_path / "PG_16_202307071" / "5").mkdir(parents=True)

    assert "where a PostgreSQL keeps its data" in (scratch.unfit(tmp_path / "drills") or "")


def test_a_link_into_a_live_cluster_is_seen_through(
    cluster: PostgresCluster, tmp_path: Path
) -> None:
    (tmp_path / "d").symlink_to(cluster.data)

    assert "where a PostgreSQL keeps its data" in (scratch.unfit(tmp_path / "d" / "x") or "")


@pytest.mark.parametrize("name", ["README", "1a2b3c4", "data", ".hidden"])
def test_a_directory_with_anything_else_in_it_is_not_fit(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()

    assert f"holds `{name}`, which no drill has made" in (scratch.unfit(tmp_path) or "")


def test_what_only_has_the_name_of_a_drill_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "1a2b3c4d" / "cluster").mkdir(parents=True)
    assert scratch.unfit(tmp_path) is None

    (tmp_path / "1a2b3c4d" / "thesis.odt").touch()
    assert "holds `1a2b3c4d`, which no drill has made" in (scratch.unfit(tmp_path) or "")


def test_a_path_that_leaves_no_room_for_a_socket_is_not_fit(tmp_path: Path) -> None:
    assert "too long for a socket" in (scratch.unfit(tmp_path / ("x" * 100)) or "")


def test_a_file_in_its_place_is_not_fit(tmp_path: Path) -> None:
    (tmp_path / "d").touch()

    assert "is not a directory" in (scratch.unfit(tmp_path / "d") or "")


def test_whatever_happens_in_it_the_place_is_removed(cluster: PostgresCluster) -> None:
    settings = cluster.drill_settings("removed")

    def stumble() -> None:
        with scratch.scratch(settings) as place:
            place.dump.write_bytes(b"x")
            assert place.socket.is_dir()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stumble()
    assert [path.name for path in settings.directory.iterdir()] == ["lock"]


@as_root
def test_a_place_that_the_account_cannot_reach_is_told_as_such(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    settings = DrillSettings(directory=tmp_path / "d", system_user="nobody")

    with pytest.raises(HostFailure, match="`nobody` cannot pass through to") as refusal:
        scratch.scratch(settings).__enter__()

    assert refusal.value.reason is Reason.NOT_CONFIGURED
    assert [path.name for path in settings.directory.iterdir()] == ["lock"]


@as_root
@pytest.mark.parametrize(("user", "why"), [("root", "is root"), ("nobody-here", "does not exist")])
def test_root_needs_an_account_without_privileges(user: str, why: str) -> None:
    with pytest.raises(HostFailure, match=why) as refusal:
        scratch.account(replace(DrillSettings(), system_user=user))

    assert refusal.value.reason is Reason.NOT_CONFIGURED
    assert "host.drills.system_user" in (refusal.value.hint or "")
