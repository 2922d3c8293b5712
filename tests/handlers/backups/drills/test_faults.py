"""What goes wrong in a drill, that nothing of it is left, and that no copy is touched by it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster, available_majors
from handlers.backups import database_dump
from handlers.backups.drills import rehearsal
from handlers.backups.drills.drill import Args
from handlers.backups.drills.place import survivors
from handlers.backups.repository import commit_record, from_json
from handlers.contract import JSON
from handlers.errors import Cancelled, HostFailure, Reason
from handlers.host import process_table, processes
from handlers.host.age import Identity
from handlers.host.settings import KeySettings
from jobs.clock import SystemClock
from jobs.journal import RUN, Asker, RunSpec
from jobs.runs.run_folder import RunFolder
from tests.conftest import Clusters
from tests.handlers.backups.conftest import Desk
from tests.handlers.backups.drills.conftest import Range, objects_below
from tests.handlers.backups.reading.test_verify import object_file, plain_of, rewrite_object

COMPLETE = Args(complete=True)
RESTORE, CHECK = rehearsal.STEPS[1:3]
LIMIT = timedelta(seconds=60)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do that")


def fails(range_: Range, args: Args = COMPLETE) -> HostFailure:
    """The failure of a drill that leaves everything else as it was."""
    before = objects_below(range_.desk.directory)
    with pytest.raises(HostFailure) as failure:
        range_.drill(args)
    assert objects_below(range_.desk.directory) == before
    assert range_.is_clean()
    assert "Nothing of the drill is left" in (failure.value.state or "")
    return failure.value


def rewrite_record(desk: Desk, snapshot: str, change: Callable[[dict[str, JSON]], None]) -> None:
    """Change what the commit record says of the database."""
    path = desk.directory / "snapshots" / f"{snapshot}.json"
    record = json.loads(path.read_text())
    change(record["facts"]["postgresql"])
    path.write_bytes(commit_record(from_json(record)))


def is_refuted(range_: Range, snapshot: str) -> bool:
    standing = range_.standing(snapshot)
    facts = range_.desk.journal.facts
    assert (standing.refuted_at is not None) == ("failed_drill" in facts)
    return standing.refuted_at is not None and not standing.is_proven


def test_one_flipped_bit_refutes_the_copy(desk: Desk, range_: Range) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])
    range_.drill()
    assert range_.standing(snapshot).is_proven

    for stream in ("database", "index"):
        path = object_file(desk, snapshot, stream)
        good = path.read_bytes()
        path.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
        failure = fails(range_, Args(copy=snapshot))
        path.write_bytes(good)

        assert failure.reason is Reason.VERIFICATION_FAILED
        assert f"{stream}-000001" in failure.message
        assert is_refuted(range_, snapshot)


def test_an_object_that_is_missing_refutes_the_copy(desk: Desk, range_: Range) -> None:
    first = str(desk.back_up().facts["snapshot"])
    desk.host.add_uploads(1)
    second = str(desk.back_up().facts["snapshot"])
    object_file(desk, first, "uploads").unlink()

    failure = fails(range_, Args())

    assert "uploads-000001 is missing or cut short" in failure.message
    assert is_refuted(range_, second)
    evidence = desk.journal.facts["shown"]
    assert isinstance(evidence, dict)
    assert evidence["outcome"] == "refuted"
    assert evidence["why"] == failure.message


def test_a_database_that_is_not_that_of_the_record_refutes_the_copy(
    desk: Desk, range_: Range
) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])

    def name_another_migration(facts: dict[str, JSON]) -> None:
        assert isinstance(facts["migrations"], list)
        facts["migrations"].append("zerver.0777_from_the_future")

    rewrite_record(desk, snapshot, name_another_migration)
    failure = fails(range_, Args())

    assert "lacks migrations: `zerver.0777_from_the_future`" in failure.message
    assert is_refuted(range_, snapshot)


def test_a_dump_that_pg_restore_cannot_read_refutes_the_copy(desk: Desk, range_: Range) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])
    plain = plain_of(desk, snapshot, "database")
    rewrite_object(desk, snapshot, "database", plain[: len(plain) - 2000])

    failure = fails(range_, Args())

    assert failure.message == "pg_restore could not restore the database."
    assert failure.tail
    assert is_refuted(range_, snapshot)


def test_a_wrong_key_is_no_verdict_on_the_copy(desk: Desk, range_: Range) -> None:
    paths = [desk.host.root.with_name(f"{name}.key") for name in ("right", "wrong")]
    keys = [Identity.generate() for _ in paths]
    for path, key in zip(paths, keys, strict=True):
        path.write_text(key.text)
    recovery = (Identity.generate().recipient,)
    desk.keys = KeySettings(recovery, keys[0].recipient, paths[0])
    snapshot = str(desk.back_up().facts["snapshot"])

    desk.keys = KeySettings(recovery, keys[1].recipient, paths[1])
    with pytest.raises(HostFailure, match="no key that opens it is on this host") as refusal:
        range_.drill()

    assert "Put the secret of that drill key here" in (refusal.value.hint or "")
    assert not is_refuted(range_, snapshot)
    assert not range_.directory.exists()


@pytest.mark.parametrize("step", [RESTORE, CHECK])
def test_a_postgresql_that_is_killed_is_no_verdict_on_the_copy(
    desk: Desk, range_: Range, step: str
) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])

    def kill(title: str) -> None:
        if title == step:
            for each in survivors.living(range_.directory):
                os.kill(each.pid, signal.SIGKILL)

    desk.journal.on_step = kill
    failure = fails(range_)

    assert failure.message == "The PostgreSQL of the drill ended in the middle of it."
    assert not is_refuted(range_, snapshot)


def test_one_killed_process_of_postgresql_is_no_verdict_on_the_copy(
    desk: Desk, range_: Range
) -> None:
    desk.host.grow_database(20_000)
    snapshot = str(desk.back_up().facts["snapshot"])
    killed = threading.Event()

    def kill() -> None:
        while not killed.wait(0.002):
            for each in survivors.living(range_.directory):
                with suppress(OSError):
                    title = (process_table.PROC / str(each.pid) / "cmdline").read_bytes()
                    if title.startswith(b"postgres: zulip zulip"):
                        os.kill(each.pid, signal.SIGKILL)
                        killed.set()
                        return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        failure = fails(range_)
    finally:
        killed.set()
        thread.join()

    assert failure.message == "The PostgreSQL of the drill ended in the middle of it."
    assert not is_refuted(range_, snapshot)


@as_root
def test_a_disk_that_fills_up_is_no_verdict_on_the_copy(
    desk: Desk, range_: Range, tmp_path: Path
) -> None:
    desk.host.grow_database(5000)
    snapshot = str(desk.back_up().facts["snapshot"])
    disk = Path("/run") / f"zulip-ops-{os.getpid()}"
    disk.mkdir(mode=0o711)
    options = ("-t", "tmpfs", "-o", "size=140m,mode=711", "tmpfs", str(disk))
    processes.run(("mount", *options), timeout=LIMIT)
    try:
        range_.settings = replace(range_.settings, directory=disk / "d")

        def fill(title: str) -> None:
            if title == RESTORE:
                free = os.statvfs(disk)
                size = free.f_bavail * free.f_frsize - 5_000_000
                with (disk / "filler").open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, size)

        desk.journal.on_step = fill
        failure = fails(range_)
    finally:
        processes.run(("umount", str(disk)), timeout=LIMIT)
        disk.rmdir()

    assert failure.reason is Reason.DISK_FULL
    assert "became full during the drill" in failure.message
    assert not is_refuted(range_, snapshot)


def test_a_copy_of_a_newer_postgresql_is_refused_with_what_to_install(
    make_desk: Callable[[PostgresCluster], Desk], clusters: Clusters
) -> None:
    desk = make_desk(clusters.of(18))
    snapshot = str(desk.back_up().facts["snapshot"])
    range_ = Range(desk)
    range_.settings = replace(range_.settings, programs=available_majors()[16])

    with pytest.raises(HostFailure) as refusal:
        range_.plan()

    assert "The copy is of PostgreSQL 18, and the programs in" in refusal.value.message
    assert "Install the package postgresql-18" in (refusal.value.hint or "")
    assert not is_refuted(range_, snapshot)


@as_root
def test_a_hostile_archive_has_neither_roots_power_nor_a_superusers(
    desk: Desk, range_: Range, cluster: PostgresCluster
) -> None:
    desk.host.grow_database(20_000)
    snapshot = str(desk.back_up().facts["snapshot"])
    trace = Path(f"/tmp/zulip-ops-hostile-{os.getpid()}")
    rewrite_object(desk, snapshot, "database", hostile_dump(desk, cluster, trace))
    assert trace.exists()
    trace.unlink()

    with users_of("pg_restore", range_) as users:
        failure = fails(range_)

    assert users
    assert 0 not in users
    assert "permission denied to COPY to or from an external program" in failure.tail
    assert not trace.exists()


def hostile_dump(desk: Desk, cluster: PostgresCluster, trace: Path) -> bytes:
    """Of a database with an index whose expression runs a program: it runs when it is made."""
    database = desk.host.settings().database.name
    cluster.sql(
        "CREATE FUNCTION zulip.act() RETURNS void LANGUAGE plpgsql AS $$"
        f" BEGIN COPY (SELECT 1) TO PROGRAM 'touch {trace}'; END $$;"
        " CREATE FUNCTION zulip.harmless(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$"
        " BEGIN PERFORM zulip.act(); RETURN $1; END $$;"
        " ALTER FUNCTION zulip.act() OWNER TO zulip;"
        " ALTER FUNCTION zulip.harmless(text) OWNER TO zulip;"
        " SET ROLE zulip; SET search_path TO zulip;"
        " CREATE TABLE trap (a text); CREATE INDEX ON trap (zulip.harmless(a));"
        " RESET ROLE; INSERT INTO trap VALUES ('x')",
        database=database,
    )
    where = (f"--host={cluster.socket}", "--username=postgres", f"--dbname={database}")
    argv = (str(cluster.programs / "pg_dump"), "--format=custom", "--compress=0", *where)
    with processes.start(argv) as dump:
        return b"".join(database_dump.output_of(dump))


@contextmanager
def users_of(name: str, range_: Range) -> Iterator[set[int]]:
    """As whom programs of that name are seen to run in the drill."""
    users, ended = set[int](), threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            for each in survivors.living(range_.directory):
                if each.name == name:
                    with suppress(FileNotFoundError):
                        users.add((process_table.PROC / str(each.pid)).stat().st_uid)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield users
    finally:
        ended.set()
        thread.join()


def test_a_second_drill_is_refused_and_a_cancelled_one_leaves_nothing(
    desk: Desk, range_: Range
) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])

    def drill_again_and_cancel(title: str) -> None:
        if title == CHECK:
            desk.journal.on_step = lambda _: None
            with pytest.raises(HostFailure, match="Another restore drill") as refusal:
                range_.drill()
            assert refusal.value.reason is Reason.BUSY
            raise Cancelled

    desk.journal.on_step = drill_again_and_cancel
    with pytest.raises(Cancelled):
        range_.drill()

    assert range_.is_clean()
    assert not is_refuted(range_, snapshot)


def test_what_a_killed_runner_leaves_is_ended_and_removed_by_the_next_drill(
    desk: Desk, range_: Range, tmp_path: Path
) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])
    before = objects_below(desk.directory)
    (tmp_path / "runs").mkdir()
    folder = RunFolder(tmp_path / "runs" / "7-1")
    folder.make(spec_of(range_))
    runner = subprocess.Popen((sys.executable, "-I", "-m", "jobs.runner", str(folder.path)))
    deadline = time.monotonic() + LIMIT.total_seconds()
    while len(left := list(survivors.living(range_.directory))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # Asleep, PostgreSQL cannot notice that it was left alone.
    for each in left:
        os.kill(each.pid, signal.SIGSTOP)
    runner.kill()
    runner.wait()
    assert not range_.is_clean()

    outcome = range_.drill()

    assert objects_below(desk.directory) == before
    assert range_.is_clean()
    assert not any(process_table.is_same_process(each.pid, each.start_time) for each in left)
    evidence = outcome.facts["shown"]
    assert isinstance(evidence, dict)
    assert isinstance(evidence["warnings"], list)
    assert any("A drill that died had left" in str(each) for each in evidence["warnings"])
    assert range_.standing(snapshot).is_proven


def spec_of(range_: Range) -> RunSpec:
    context = range_.context()
    return RunSpec(
        job=7,
        attempt=1,
        mode=RUN,
        operation="drill",
        arguments={},
        asker=Asker("root", None, "root"),
        host=context.host,
        stores=context.stores,
        created_at=SystemClock().now(),
        nonce="killed",
    )
