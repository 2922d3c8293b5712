"""A round of observations of the sample host, made by the real process."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.host import GIB, Extent, SampleHost
from handlers.checks.contract import Level
from handlers.checks.registry import CHECKS
from handlers.host.settings import DatabaseSettings, StoreSettings
from jobs.observing.facts import FACTS_FILE, Fact, Round, read_facts
from jobs.observing.observer_spec import ObserverSpec, SpecError, read_spec, write_spec
from tests.fakes.small_zulip import SmallZulip, small_zulip
from tests.handlers.checks.small_disk import needs_mount, small_disk

OBSERVER = (sys.executable, "-I", "-m", "jobs.observer")


@dataclass
class Watched:
    """A sample host and the directory in which facts about it are left."""

    host: SampleHost
    state: Path
    zulip: SmallZulip
    stores: tuple[StoreSettings, ...] = ()
    time_limit: timedelta = timedelta(seconds=5)
    spec: Path = field(init=False)

    def __post_init__(self) -> None:
        self.state.mkdir()
        self.spec = self.state / "observer.json"

    def look(self, *, fresh: bool = True) -> Round:
        done = self.start(fresh=fresh)
        assert done.returncode == 0, done.stderr
        seen = read_facts(self.state)
        assert seen is not None
        return seen

    def fact(self, name: str) -> Fact:
        return self.look().facts[name]

    def start(
        self, *, fresh: bool = True, group: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        spec = ObserverSpec(
            self.host.settings(), self.stores, self.state, group, fresh, self.time_limit
        )
        self.spec.write_text(write_spec(spec))
        argv = [*OBSERVER, "--spec", str(self.spec)]
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with small_zulip() as zulip:
        host = SampleHost.create(
            tmp_path / "host",
            url=zulip.url,
            extent=Extent(uploads=1),
        )
        yield Watched(host, tmp_path / "state", zulip)


@pytest.fixture
def with_database(watched: Watched, own_cluster: PostgresCluster, tmp_path: Path) -> Watched:
    watched.host = SampleHost.create(
        tmp_path / "second",
        url=watched.zulip.url,
        database=(own_cluster, "zulip"),
        extent=Extent(messages=100, uploads=1),
    )
    return watched


def test_a_round_holds_every_check_with_its_time_and_level(with_database: Watched) -> None:
    seen = with_database.look()
    assert list(seen.facts) == [check.name for check in CHECKS]
    levels = {name: fact.level for name, fact in seen.facts.items()}
    del levels["disks"]  # those of this machine
    assert levels.pop("backups") is Level.WARNING  # no store is configured
    assert set(levels.values()) == {Level.OK}
    for fact in seen.facts.values():
        assert seen.started_at <= fact.at <= seen.ended_at
        assert fact.sentence.endswith(".")
    assert seen.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert (with_database.state / FACTS_FILE).stat().st_mode & 0o777 == 0o640


def test_a_switched_version_is_seen(watched: Watched) -> None:
    assert watched.fact("zulip_version").level is Level.OK
    watched.host.switch_version("10.4")
    switched = watched.fact("zulip_version")
    assert (switched.text("deployed"), switched.text("running")) == ("10.4", "9.2")
    assert switched.level is Level.WARNING
    watched.zulip.version = "10.4"
    assert watched.fact("zulip_version").level is Level.OK


def test_a_server_that_is_not_ready_is_seen(watched: Watched) -> None:
    watched.zulip.be_unready("Cannot connect to rabbitmq")
    fact = watched.fact("zulip_version")
    assert (fact.level, fact.text("health")) == (Level.CRITICAL, "Cannot connect to rabbitmq")


def test_changed_memory_and_load_are_seen(watched: Watched) -> None:
    before = watched.look().facts
    watched.host.set_memory(total=8 * GIB, available=GIB // 8)
    watched.host.set_load((90.0, 80.0, 70.0), uptime=timedelta(minutes=5))
    after = watched.look().facts
    assert (before["memory"].level, after["memory"].level) == (Level.OK, Level.CRITICAL)
    assert after["memory"].whole("total") == 8 * GIB
    assert after["uptime_load"].number("load_5") == 80.0
    assert after["uptime_load"].number("uptime_seconds") == 300.0
    assert before["uptime_load"].number("load_5") != 80.0


def test_a_stopped_program_is_seen(watched: Watched) -> None:
    assert watched.fact("supervisor").whole("running") == 16
    watched.host.stop_program("zulip-django", state="FATAL", detail="Exited too quickly")
    fact = watched.fact("supervisor")
    assert (fact.level, fact.whole("running")) == (Level.CRITICAL, 15)
    assert {"name": "zulip-django", "state": "FATAL", "detail": "Exited too quickly"} in (
        fact.records("programs")
    )


@needs_mount
def test_a_filled_file_system_is_seen(watched: Watched) -> None:
    with small_disk(watched.host.root / "srv", 8 * 2**20):
        before = _on(watched.fact("disks"), "/srv")
        watched.host.fill("/srv/big", 8 * 2**20 - 2**18)
        after = watched.fact("disks")
    assert before["used_percent"] == 0
    assert _on(after, "/srv")["used_percent"] == pytest.approx(97, abs=0.5)
    assert after.level is Level.CRITICAL
    assert after.sentence.startswith("/srv is 97 % full")


def _on(fact: Fact, path: str) -> dict[str, object]:
    (found,) = [each for each in fact.records("file_systems") if each["path"] == path]
    return dict(found)


def test_a_grown_database_is_seen(with_database: Watched) -> None:
    before = with_database.fact("postgresql")
    with_database.host.grow_database(5000)
    after = with_database.fact("postgresql")
    assert (after.whole("size_bytes") or 0) > (before.whole("size_bytes") or 0) + 2_000_000


def test_a_stopped_postgresql_is_unknown_with_a_reason_and_hurts_nothing_else(
    with_database: Watched, own_cluster: PostgresCluster
) -> None:
    own_cluster.stop()
    facts = with_database.look().facts
    assert facts["postgresql"].level is Level.UNKNOWN
    assert facts["postgresql"].sentence.startswith("The database could not be asked: ")
    assert str(own_cluster.socket) in facts["postgresql"].sentence
    assert facts["memory"].level is facts["supervisor"].level is Level.OK


def test_what_cannot_be_read_is_unknown_alone(watched: Watched) -> None:
    watched.host.stop_supervisord()
    (watched.host.root / "proc/meminfo").write_text("nothing\n")
    facts = watched.look().facts
    assert facts["supervisor"].level is facts["memory"].level is Level.UNKNOWN
    assert "no such file" in facts["supervisor"].sentence
    assert "meminfo says nothing of MemTotal" in facts["memory"].sentence
    assert facts["zulip_version"].level is facts["uptime_load"].level is Level.OK


def test_a_check_that_breaks_down_is_unknown_alone(watched: Watched) -> None:
    (watched.host.root / "proc/meminfo").write_bytes(b"\xff\xfe")
    facts = watched.look().facts
    assert facts["memory"].level is Level.UNKNOWN
    assert facts["memory"].sentence == "The check memory broke down; its traceback is in the log."
    assert facts["uptime_load"].level is Level.OK
    assert "UnicodeDecodeError" in watched.start().stderr


def test_a_check_that_hangs_is_cut_off_at_its_limit(watched: Watched) -> None:
    meminfo = watched.host.root / "proc/meminfo"
    meminfo.unlink()
    os.mkfifo(meminfo)  # nobody ever writes into it
    watched.time_limit = timedelta(seconds=1.5)
    seen = watched.look()
    assert seen.facts["memory"].level is Level.UNKNOWN
    assert "was cut off, as it took longer than 1.5 s" in seen.facts["memory"].sentence
    assert 1.5 <= seen.facts["memory"].seconds < 5
    assert seen.ended_at - seen.started_at < timedelta(seconds=5)
    assert seen.facts["uptime_load"].level is Level.OK


def test_nothing_of_a_cut_off_check_stays_behind(watched: Watched) -> None:
    mark = f"8{os.getpid()}"
    watched.host.layout.supervisorctl.write_text(f"#!/bin/sh\nexec sleep {mark}\n")
    watched.time_limit = timedelta(seconds=1.5)
    assert watched.fact("supervisor").level is Level.UNKNOWN
    sleeping = subprocess.run(["pgrep", "-f", f"sleep {mark}"], check=False, capture_output=True)
    assert sleeping.stdout == b""


def test_a_killed_observer_leaves_no_check_behind(watched: Watched) -> None:
    (watched.host.root / "proc/loadavg").unlink()
    os.mkfifo(watched.host.root / "proc/loadavg")
    watched.time_limit = timedelta(seconds=0.5)
    spec = ObserverSpec(watched.host.settings(), (), watched.state, time_limit=watched.time_limit)
    watched.spec.write_text(write_spec(spec))
    observer = subprocess.Popen([*OBSERVER, "--spec", str(watched.spec)])
    _wait_until(lambda: len(_processes_of(watched.spec)) > 1)
    observer.kill()
    observer.wait()
    _wait_until(lambda: not _processes_of(watched.spec))


def _processes_of(spec: Path) -> list[str]:
    """The observer and the checks it makes, which carry its command line."""
    argv = ["pgrep", "-f", f"jobs.observer --spec {spec}"]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.split()


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_store_that_hangs_hides_neither_the_others_nor_itself(
    watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("access\nsecret\n")
    (tmp_path / "copies").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, never answers
        far = StoreSettings(
            "far",
            bucket="b",
            endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}",
            credentials_file=tmp_path / "key",
        )
        watched.stores = (far, StoreSettings("local", path=tmp_path / "copies"))
        watched.time_limit = timedelta(seconds=4)
        fact = watched.fact("backups")
    assert {str(store["name"]): store["problem"] for store in fact.records("stores")} == {
        "far": "no answer within 3.2 s.",
        "local": None,
    }


def test_secrets_do_not_get_into_the_facts(watched: Watched) -> None:
    text = watched.host.layout.secrets_file.read_text()
    secret = text.partition("rabbitmq_password = ")[2].partition("\n")[0]
    watched.host.layout.supervisorctl.write_text(f"#!/bin/sh\necho 'login {secret} failed'\nexit 4")
    assert "login [hidden] failed" in watched.fact("supervisor").sentence
    assert secret not in (watched.state / FACTS_FILE).read_text()


def test_what_is_not_due_is_carried_over_and_the_rest_is_made_anew(watched: Watched) -> None:
    first = watched.look()
    record = json.loads((watched.state / FACTS_FILE).read_text())
    record["facts"]["memory"]["at"] = (first.facts["memory"].at - timedelta(minutes=2)).isoformat()
    # The clock was set back since then.
    record["facts"]["disks"]["at"] = (first.facts["disks"].at + timedelta(days=1)).isoformat()
    (watched.state / FACTS_FILE).write_text(json.dumps(record))
    second = watched.look(fresh=False)
    made = {name for name, fact in second.facts.items() if fact.at >= second.started_at}
    assert made == {"memory", "disks"}
    assert second.facts["supervisor"] == first.facts["supervisor"]
    third = watched.look()
    assert all(fact.at >= third.started_at for fact in third.facts.values())


def test_a_damaged_file_is_replaced(watched: Watched) -> None:
    (watched.state / FACTS_FILE).write_text("{")
    assert len(watched.look(fresh=False).facts) == len(CHECKS)


def test_a_reader_never_sees_half_a_file(watched: Watched) -> None:
    watched.look()
    stopped = threading.Event()
    seen: list[int] = []

    def read_on() -> None:
        while not stopped.is_set():
            read = read_facts(watched.state)
            seen.append(0 if read is None else len(read.facts))

    reader = threading.Thread(target=read_on)
    reader.start()
    rounds = [watched.look() for _ in range(4)]
    stopped.set()
    reader.join()
    assert set(seen) == {len(CHECKS)}
    assert len(seen) > len(rounds)
    assert {path.name for path in watched.state.iterdir()} == {FACTS_FILE, "observer.json"}


def test_the_spec_also_comes_through_standard_input(watched: Watched) -> None:
    spec = ObserverSpec(watched.host.settings(), (), watched.state)
    done = subprocess.run(
        OBSERVER, input=write_spec(spec), text=True, check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert read_facts(watched.state) is not None


def test_a_directory_that_cannot_be_written_is_worth_another_try(watched: Watched) -> None:
    watched.spec = watched.state.with_name("spec.json")
    watched.state.rmdir()
    done = watched.start()
    assert done.returncode == 75
    assert done.stderr.startswith("The observer could not leave its facts: ")
    assert str(watched.state) in done.stderr


def test_an_unknown_group_is_said(watched: Watched) -> None:
    done = watched.start(group="no-such-group")
    assert (done.returncode, "no group no-such-group" in done.stderr) == (2, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_group_may_read_the_facts(watched: Watched) -> None:
    assert watched.start(group="nogroup").returncode == 0
    assert (watched.state / FACTS_FILE).group() == "nogroup"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "host": 3}'])
def test_a_spec_that_is_none_is_refused_in_one_sentence(text: str) -> None:
    done = subprocess.run(OBSERVER, input=text, text=True, check=False, capture_output=True)
    assert done.returncode == 2
    assert done.stderr.startswith("The observer's spec cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_a_spec_survives_being_written_and_read() -> None:
    database = DatabaseSettings(host="/s", port=5, system_user=None, programs=Path("/usr/bin"))
    host = SampleHost(Path("/tmp/h"), url="http://127.0.0.1:1").settings()
    spec = ObserverSpec(
        host=type(host)(host.root, host.url, database=database),
        stores=(
            StoreSettings("local", path=Path("/backups")),
            StoreSettings("far", bucket="b", prefix="p", credentials_file=Path("/key")),
        ),
        state_directory=Path("/var/lib/zulip-ops"),
        group="zulip-ops",
        fresh=False,
        time_limit=timedelta(seconds=2.5),
    )
    assert read_spec(write_spec(spec)) == spec


def test_an_unknown_key_of_the_spec_is_named() -> None:
    record = json.loads(write_spec(ObserverSpec(SampleHost(Path("/")).settings(), (), Path("/"))))
    record["host"]["colour"] = "green"
    with pytest.raises(SpecError, match="colour"):
        read_spec(json.dumps(record))


def test_an_observer_starts_light() -> None:
    heavy = (
        "psycopg2",
        "boto3",
        "sqlalchemy",
        "pydantic",
        "zulip",
        "apscheduler",
        "click",
        "state",
    )
    script = f"import jobs.observer, sys; print(*[m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
