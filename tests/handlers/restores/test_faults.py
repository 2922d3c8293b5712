"""What breaks in the middle of a restore: the old state serves, earlier copies are untouched."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.host_on_air import HostOnAir
from bot.demo.postgres_cluster import PostgresCluster
from bot.demo.sample_host.scripts.controls import Manners
from bot.demo.zulip.server import SimulatedZulip
from handlers.backups import catalogue
from handlers.backups.repository import UploadTotals
from handlers.errors import Cancelled, HostFailure, OpsError, Reason, Refused
from handlers.host import zulip_web
from handlers.restores.judging.chosen import choose
from handlers.restores.judging.mismatches import (
    Made,
    of_dictionaries,
    of_extensions,
    of_postgresql,
    warnings,
)
from handlers.restores.judging.present import look
from handlers.restores.judging.rooms import has_room
from handlers.restores.switching.arrangement import PARTS
from tests.handlers.restores.conftest import COPY, MESSAGES, Bench, set_up

DATABASE = "Restore the database beside, as "
UPLOADS = "Restore the uploads beside"
STOP, SWAP = "Stop Zulip", "Swap by renaming"
FORGET, START = "Purge the queues and flush the caches", "Start Zulip"
BACK = "Bring the state from before back, by renaming"


@pytest.fixture
def busy(bench: Bench) -> Bench:
    """With more in it than the copy has."""
    bench.go_on_for_a_while()
    return bench


def failing(bench: Bench) -> OpsError:
    """The failure of a restore after which all is as before, and every copy is untouched."""
    copies, files = bench.copies(), bench.files()
    with pytest.raises(OpsError) as failure:
        bench.restore()
    assert bench.newest_message() == MESSAGES + 30
    assert bench.files() == files
    assert copies.items() <= bench.copies().items()
    return failure.value


def expect_nothing_beside(bench: Bench) -> None:
    assert bench.databases() == [""]
    assert [path.name for path in bench.host.layout.uploads.parent.glob("uploads*")] == ["uploads"]


def expect_serving(bench: Bench) -> None:
    assert zulip_web.ask_version(bench.host.settings()).version == "1.3"


def object_of(bench: Bench, stream: str) -> Path:
    assert bench.store.path is not None
    newest = catalogue.list_snapshots(bench.store)[-1].id
    return bench.store.path / "objects" / newest / f"{stream}-000001"


@pytest.mark.parametrize("stream", ["database", "uploads", "index"])
def test_a_flipped_byte_is_found_before_anything_is_touched(busy: Bench, stream: str) -> None:
    path = object_of(busy, stream)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)

    failure = failing(busy)

    assert failure.reason is Reason.VERIFICATION_FAILED
    assert f"{stream}-000001 is not what was written" in failure.message
    assert failure.state is not None
    assert failure.state.startswith("Nothing that Zulip uses was changed. Backup `")
    expect_nothing_beside(busy)
    expect_serving(busy)
    assert STOP not in busy.titles()


def test_a_missing_object_is_found_before_anything_is_touched(busy: Bench) -> None:
    object_of(busy, "database").unlink()
    assert "database-000001 is missing" in failing(busy).message
    expect_nothing_beside(busy)
    assert STOP not in busy.titles()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_disk_that_fills_up_gives_its_room_back(
    small_disk: Path, tmp_path: Path, cluster: PostgresCluster
) -> None:
    with SimulatedZulip() as zulip:
        bench = set_up(small_disk, cluster, zulip)
        bench.store = replace(bench.store, path=tmp_path / "copies")
        large = bench.host.layout.uploads / "files" / "large.bin"
        large.write_bytes(os.urandom(13 * 1024 * 1024 // 4))
        bench.back_up()
        bench.go_on_for_a_while()
        free = shutil.disk_usage(small_disk).free

        failure = failing(bench)

        assert failure.reason is Reason.DISK_FULL
        assert "uploads_restore_31: No space left on device" in failure.message
        assert abs(shutil.disk_usage(small_disk).free - free) < 256 * 1024
        expect_nothing_beside(bench)
        cluster.drop_database(bench.database)


@pytest.fixture
def alone(tmp_path: Path, own_cluster: PostgresCluster) -> Iterator[Bench]:
    """On a PostgreSQL that the test may kill."""
    with SimulatedZulip() as zulip:
        bench = set_up(tmp_path, own_cluster, zulip)
        bench.back_up()
        bench.go_on_for_a_while()
        with HostOnAir(bench.host.layout, zulip):
            yield bench


def test_postgresql_killed_in_the_middle_of_pg_restore(alone: Bench) -> None:
    def kill(title: str) -> None:
        if title.startswith(DATABASE):
            alone.journal.on_progress = lambda _: stop()

    def stop() -> None:
        alone.journal.on_progress = lambda _: None
        alone.cluster.kill()

    alone.journal.on_step = kill
    copies = alone.copies()
    with pytest.raises(HostFailure, match="could not be restored into") as failure:
        alone.restore()

    assert failure.value.state is not None
    assert "Nothing that Zulip uses was changed." in failure.value.state
    assert "What was restored beside could not be removed" in failure.value.state
    alone.cluster.start()
    assert alone.newest_message() == MESSAGES + 30
    assert copies.items() <= alone.copies().items()
    assert alone.databases() == ["", "_restore_31"]
    assert f"DROP DATABASE {alone.names.new_database}" in alone.unmet()["names_are_free"]


def test_postgresql_killed_while_zulip_is_stopped(alone: Bench) -> None:
    """Nothing can be renamed back while it is away: it is told what to type once it is there."""
    files = alone.files()
    alone.journal.on_step = lambda title: alone.cluster.kill() if title == FORGET else None
    alone.host.behave(Manners(fail_at="Purging queue"))

    with pytest.raises(HostFailure) as failure:
        alone.restore()

    assert "`manage.py` ended with exit code 1" in failure.value.message
    assert failure.value.state is not None
    assert "which failed as well. PostgreSQL cannot be reached" in failure.value.state
    assert "Zulip does NOT answer." in failure.value.state
    assert failure.value.hint == (
        "On the host: see that PostgreSQL runs; then ask for `restore plan` there."
    )
    alone.cluster.start()
    alone.host.behave(Manners())
    [left] = alone.shown()["left_over"]
    assert "The database is the restored one" in left
    for command in left.split("All as before: `")[1].split("`. ")[0].split("`; `"):
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)
    assert (alone.newest_message(), alone.files()) == (MESSAGES + 30, files)
    expect_serving(alone)


def times_purged(bench: Bench) -> int:
    log = bench.host.layout.logs / "manage.log"
    return log.read_text().count("purge_queue --all") if log.exists() else 0


def test_zulip_that_does_not_come_back_leaves_the_old_state_serving(busy: Bench) -> None:
    busy.back_within_seconds = 2
    started: list[str] = []

    def on_step(title: str) -> None:
        if title == START:
            busy.host.behave(Manners(never_back="" if started else "1.3"))
            started.append(title)

    busy.journal.on_step = on_step
    purged_before = times_purged(busy)
    failure = failing(busy)

    assert failure.reason is Reason.STILL_AWAY
    # What the restored server has put into queues and caches is not for the one from before.
    assert times_purged(busy) == purged_before + 2
    expect_serving(busy)
    assert failure.state is not None
    assert "The state from before was brought back, and Zulip started again." in failure.state
    assert "The database is the one from before. The uploads are those" in failure.state
    assert "was live for a while, so it is kept; drop it with `" in failure.state
    assert busy.databases() == ["", "_restore_31"]
    assert busy.newest_message(busy.names.new_database) == MESSAGES


@pytest.mark.parametrize("title", [FORGET, SWAP])
def test_a_tool_that_fails_while_zulip_is_stopped(busy: Bench, title: str) -> None:
    def on_step(begun: str) -> None:
        if begun == title == FORGET:
            busy.host.behave(Manners(fail_at="Purging queue"))
        elif begun == title == SWAP:
            busy.cluster.create_database(busy.names.old_database)
        elif begun == BACK and title == SWAP:
            busy.cluster.drop_database(busy.names.old_database)

    busy.journal.on_step = on_step
    failure = failing(busy)

    assert {FORGET: "`manage.py` ended", SWAP: "already exists"}[title] in failure.message
    assert failure.state is not None
    assert "The state from before was brought back, and Zulip started again." in failure.state
    assert failure.hint == "Put right what failed, then ask for it again."
    expect_nothing_beside(busy)
    expect_serving(busy)


def test_a_bug_of_ours_brings_the_old_state_back_too(busy: Bench) -> None:
    def on_step(title: str) -> None:
        if title == FORGET:
            raise ZeroDivisionError

    busy.journal.on_step = on_step
    failure = failing(busy)

    assert failure.reason is Reason.BUG
    assert "ZeroDivisionError" in busy.output()
    expect_nothing_beside(busy)
    expect_serving(busy)


def test_when_the_way_back_fails_too_it_says_what_holds_and_what_to_type(busy: Bench) -> None:
    busy.back_within_seconds = 1
    files = busy.files()
    busy.journal.on_step = lambda title: (
        busy.host.behave(Manners(never_back="1.3")) if title == START else None
    )

    failure = failing(busy)

    assert failure.state is not None
    assert "brought back, which failed as well. Within 1 s no probe" in failure.state
    assert "Zulip does NOT answer. The database is the one from before." in failure.state
    assert failure.hint is not None
    busy.host.behave(Manners())
    for command in failure.hint.split("for all as before: `")[1].removesuffix("`.").split("`; `"):
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)
    expect_serving(busy)
    assert busy.files() == files


@pytest.mark.parametrize("title", [UPLOADS, SWAP, START])
def test_a_cancel_leaves_the_old_state_or_the_started_one(busy: Bench, title: str) -> None:
    """Zulip is not started again: whoever cancels has seconds left, and is told the command."""

    def on_step(begun: str) -> None:
        if begun.startswith(title):
            if title == SWAP:
                busy.wait_until_away()
            raise Cancelled

    busy.journal.on_step = on_step
    if title == START:
        with pytest.raises(Cancelled) as caught:
            busy.restore()
        failure: OpsError = caught.value
        assert "The database is the restored one" in str(failure.state)
        assert f"RENAME TO {busy.names.new_database}" in str(failure.hint)
        return
    failure = failing(busy)
    assert failure.reason is Reason.CANCELLED
    if title == UPLOADS:
        expect_serving(busy)
        expect_nothing_beside(busy)
    else:
        assert "Zulip was NOT started again. Zulip does NOT answer." in str(failure.state)
        assert str(failure.hint).endswith("scripts/start-server`.")


def test_an_upgrade_by_hand_meanwhile_ends_it_before_anything_is_touched(busy: Bench) -> None:
    plan = busy.plan()
    busy.host.switch_version("1.4")
    with pytest.raises(Refused, match="became the present deployment"):
        busy.restore(plan=plan)
    expect_nothing_beside(busy)


def test_a_backup_that_cannot_be_taken_ends_it_before_anything_is_touched(busy: Bench) -> None:
    assert busy.store.path is not None
    plan = busy.plan()
    (busy.store.path / "repository.json").chmod(0o600)
    (busy.store.path / "repository.json").write_text('{"format": 99}')

    failure = failing(busy)

    assert "holds a repository of a format that this program does not know" in failure.message
    assert plan.steps[0].startswith("Take a backup")
    expect_nothing_beside(busy)


def test_a_restored_database_that_is_not_what_was_copied_is_not_swapped_in(busy: Bench) -> None:
    def on_step(title: str) -> None:
        if title == "Check it against the commit record":
            busy.sql("DELETE FROM zulip.zerver_userprofile WHERE id = 40", busy.names.new_database)

    busy.journal.on_step = on_step
    failure = failing(busy)

    assert "It has 39 users; the commit record says 40." in failure.message
    expect_nothing_beside(busy)
    assert STOP not in busy.titles()


def test_no_room_for_both_is_refused_with_what_is_missing(bench: Bench) -> None:
    context = bench.context()
    snapshot = choose(context, str(COPY), None).snapshot
    assert has_room(context, snapshot, PARTS, 10**6).holds

    huge = replace(snapshot, uploads=UploadTotals(files=1, bytes=10**15))
    room = has_room(context, huge, PARTS, 10**6)

    assert not room.holds
    assert "There is no room to restore beside what is there." in room.sentence
    assert "1.0 PB needed" in room.sentence
    assert has_room(context, huge, ("database",), 10**6).holds
    assert not has_room(context, snapshot, ("database",), 10**15).holds


def test_what_does_not_go_together_is_told_with_its_remedy(bench: Bench) -> None:
    snapshot, now = choose(bench.context(), str(COPY), None).snapshot, look(bench.context())
    made = Made.of(snapshot)
    assert made.major == 16
    assert of_postgresql(made, now).holds

    newer = of_postgresql(replace(made, major=17, postgresql="17.2"), now)
    assert not newer.holds
    assert "upgrade PostgreSQL to 17 first, with Zulip's `upgrade-postgresql`" in newer.sentence
    older = of_postgresql(replace(made, major=15, postgresql="15.9"), now)
    assert older.holds
    assert "a newer server reads an older dump" in older.sentence

    lacking = of_extensions(replace(made, extensions=("no_such_thing",)), now)
    assert not lacking.holds
    assert "`postgresql-16-no-such-thing`" in lacking.sentence
    assert of_extensions(made, now).holds
    strange = of_dictionaries(bench.context(), replace(made, dictionaries=("x.affix",)), now)
    assert not strange.holds
    assert "needs the text search files x.affix, which this PostgreSQL does not" in strange.sentence
    assert of_dictionaries(bench.context(), made, now).holds
    elsewhere = list(warnings(replace(made, system_identifier="1"), snapshot, now))
    assert elsewhere == ["The copy was made on another PostgreSQL cluster than this one."]
