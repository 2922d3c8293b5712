"""The imitated scripts print, leave and end as the recorded ones did."""

import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.host import Extent, SampleHost
from bot.demo.sample_host.scripts.controls import Manners, read_serving

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "


@pytest.fixture
def host(tmp_path: Path, cluster: PostgresCluster) -> Iterator[SampleHost]:
    name = f"zulip_{uuid.uuid4().hex[:12]}"
    made = SampleHost.create(
        tmp_path / "host",
        version="1.3",
        database=(cluster, name),
        extent=Extent(messages=0, uploads=0),
    )
    made.behave(Manners(pause_seconds=0, away_seconds=0))
    yield made
    cluster.drop_database(name)


def ran(host: SampleHost, script: str, *arguments: str, limit: float = 60) -> tuple[int, str]:
    path = host.layout.current / "scripts" / script
    done = subprocess.run(
        [path, *arguments], capture_output=True, text=True, check=False, timeout=limit
    )
    return done.returncode, done.stdout


def said(output: str) -> list[str]:
    """What was logged, without the time."""
    lines = (re.fullmatch(f"{STAMP}(.*)", line) for line in output.splitlines())
    return [line[1] for line in lines if line is not None]


def test_an_upgrade_without_migration_never_stops_the_server(host: SampleHost) -> None:
    before = host.layout.current.resolve()
    code, output = ran(host, "upgrade-zulip", str(host.publish("1.4")))
    after = host.layout.current.resolve()
    assert code == 0
    assert said(output)[:3] == [
        "upgrade-zulip: Archiving the tarball under /home/zulip/archives",
        "upgrade-zulip: Unpacking the tarball",
        f"upgrade-zulip-stage-3: Upgrading from 1.3 to 1.4, in {after}",
    ]
    assert "Stopping Zulip..." not in output
    assert said(output)[-3] == "upgrade-zulip-stage-3: Upgrade complete!"
    assert host.layout.last.resolve() == before
    assert host.layout.next.resolve() == after
    assert (host.layout.archives / "zulip-server-1.4.tar.gz").is_file()
    assert output == (host.layout.logs / "upgrade.log").read_text()
    serving = read_serving(host.layout)
    assert serving is not None
    assert (serving.answers, serving.version) == (True, "1.4")


def test_with_a_migration_the_server_is_stopped_first(host: SampleHost) -> None:
    code, output = ran(host, "upgrade-zulip", str(host.publish("1.5", ("0600_sample_rows",))))
    assert code == 0
    told = "\n".join(said(output))
    assert told.index("Stopping Zulip...") < told.index("Applying database migrations...")
    assert "zulip-django: stopped" in output
    assert "  Applying zerver.0600_sample_rows... OK" in output
    assert "\x1b[92mZulip stopped successfully!\x1b[0m" in output


def test_a_downgrade_past_a_migration_is_refused_and_leaves_next(host: SampleHost) -> None:
    old = host.publish("1.3")
    ran(host, "upgrade-zulip", str(host.publish("1.5", ("0600_sample_rows",))))
    current = host.layout.current.resolve()
    code, output = ran(host, "upgrade-zulip", str(old))
    assert code == 1
    assert (
        "Migrations which are currently applied, but missing in the new version:\n"
        "  zerver - 0600_sample_rows\n"
    ) in output
    assert "This is not an upgrade -- the current deployment (version 1.5) contains 1 " in output
    assert "\x1b[0;31m\nZulip upgrade failed (exit code 1)!" in output
    assert host.layout.current.resolve() == current
    assert host.layout.next.resolve() != current
    assert not host.layout.deployment_lock.exists()


def test_restart_server_of_the_old_tree_swaps_the_links_and_checks_no_migration(
    host: SampleHost,
) -> None:
    ran(host, "upgrade-zulip", str(host.publish("1.5", ("0600_sample_rows",))))
    old, new = host.layout.last.resolve(), host.layout.current.resolve()
    done = subprocess.run([old / "scripts/restart-server"], capture_output=True, check=True)
    assert b"Zulip restarted successfully!" in done.stdout
    assert (host.layout.current.resolve(), host.layout.last.resolve()) == (old, new)
    assert host.layout.next.resolve() == new


def test_a_held_lock_is_waited_for_with_the_same_line(host: SampleHost) -> None:
    host.layout.deployment_lock.mkdir()
    with pytest.raises(subprocess.TimeoutExpired) as waited:
        ran(host, "upgrade-zulip", str(host.publish("1.4")), limit=1.5)
    assert b"Another deployment in progress; waiting for lock..." in (waited.value.stdout or b"")


@pytest.mark.parametrize(
    ("arguments", "code"), [((), 2), (("/nonexistent.tar.gz",), 1)], ids=["none", "missing"]
)
def test_without_a_tarball_it_ends_as_recorded(
    host: SampleHost, arguments: tuple[str, ...], code: int
) -> None:
    ended, output = ran(host, "upgrade-zulip", *arguments)
    assert ended == code
    assert f"Zulip upgrade failed (exit code {code})!" in output


def test_something_that_is_no_tarball_changes_nothing(host: SampleHost, tmp_path: Path) -> None:
    bad = tmp_path / "zulip-server-bad.tar.gz"
    bad.write_bytes(b"no tarball")
    before = host.layout.next.resolve()
    code, output = ran(host, "upgrade-zulip", str(bad))
    assert code == 1
    assert "Traceback (most recent call last):" in output
    assert host.layout.next.resolve() == before
