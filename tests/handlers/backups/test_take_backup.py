"""A backup as a whole, of a real database into real stores."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.postgres_cluster import PostgresCluster
from handlers.backups import catalogue, take_backup
from handlers.errors import BadCommand, HostFailure, Reason
from handlers.host import processes
from handlers.host.object_store import open_store
from handlers.host.settings import StoreSettings
from tests.handlers.backups.conftest import Desk

LIMIT = timedelta(seconds=60)


def by_hand(command: str, *arguments: str, directory: Path) -> str:
    argv = ("/bin/bash", "-o", "pipefail", "-c", command, "bash", *arguments)
    return processes.run(argv, timeout=LIMIT, directory=directory).output


def files_below(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_backup_is_stored_and_verified_in_a_directory_and_a_bucket(
    desk: Desk, s3_store_settings: StoreSettings
) -> None:
    outcome = desk.back_up(desk.store, s3_store_settings)

    assert "is stored in disk and bucket, and was read back whole from both." in outcome.sentence
    for store in (desk.store, s3_store_settings):
        [found] = catalogue.list_snapshots(store)
        assert found.id == outcome.facts["snapshot"]
        assert found.standing.verified_at is not None
        assert found.zulip_version == "9.2"
        assert found.job == 12
        assert found.size_bytes > 0
    stores = outcome.facts["stores"]
    assert isinstance(stores, list)
    assert [isinstance(each, dict) and each["verified"] for each in stores] == [True, True]


def test_every_postgresql_can_be_backed_up(
    make_desk: Callable[[PostgresCluster], Desk], each_cluster: PostgresCluster
) -> None:
    desk = make_desk(each_cluster)

    desk.back_up()

    [found] = catalogue.list_snapshots(desk.store)
    assert found.standing.verified_at is not None


def test_a_copy_is_restored_with_zstd_tar_and_postgresql_alone(
    desk: Desk, cluster: PostgresCluster, tmp_path: Path
) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])
    objects, target = desk.directory / "objects" / snapshot, tmp_path / "restored"
    target.mkdir()

    for stream in ("uploads", "configuration"):
        by_hand(f"cat {stream}-* | zstd -dc | tar -x -C {target}", directory=objects)
    restored = cluster.create_database(f"restored_{snapshot[-8:]}")
    by_hand(
        'cat database-* | zstd -dc | "$1" --exit-on-error --no-owner --dbname="$2" --host="$3"'
        " --username=postgres",
        *(str(cluster.programs / "pg_restore"), restored.name, restored.host),
        directory=objects,
    )

    layout = desk.host.layout
    assert files_below(target / "uploads") == files_below(layout.uploads)
    assert files_below(target / "etc/zulip") == files_below(layout.configuration)
    count = "SELECT count(*), sum(hashtext(content)) FROM zulip.zerver_message"
    assert desk.host.database is not None
    assert cluster.sql(count, database=restored.name) == cluster.sql(
        count, database=desk.host.database.name
    )
    cluster.drop_database(restored.name)


def test_the_commit_record_says_what_a_restore_is_judged_by(desk: Desk) -> None:
    snapshot = str(desk.back_up().facts["snapshot"])

    record = json.loads((desk.directory / f"snapshots/{snapshot}.json").read_text())

    assert record["format"] == 1
    assert record["sealing"] is None
    assert record["facts"]["zulip"]["version"] == "9.2"
    database = record["facts"]["postgresql"]
    assert "zerver.0001_initial" in database["migrations"]
    assert database["newest_message"]["id"] == 300
    assert database["counts"] == {
        "realms": 2,
        "users": 40,
        "channels": 20,
        "messages": 300,
        "message_flags": 600,
        "attachments": 40,
        "reactions": None,
        "custom_emoji": 1,
    }
    assert database["counts_estimated"] == []
    assert set(record["streams"]) == {"database", "uploads", "index", "configuration"}
    assert record["streams"]["database"]["command"][1:3] == ["--format=custom", "--compress=0"]
    assert record["uploads"]["files"] == record["uploads"]["new_files"] == 40 + 36
    assert "PostgreSQL's other databases." in record["left_out"]
    assert record["named_files"]["counts"] == {
        "attachments": 40,
        "avatars": 22,
        "custom emoji": 1,
        "organization images": 1,
    }
    assert record["named_files"]["missing"] == 0
    assert set(record["seconds"]) == {"copying", "database", "uploads", "configuration"}


def test_uploads_that_a_store_holds_are_not_sent_to_it_again(
    desk: Desk, s3_store_settings: StoreSettings
) -> None:
    desk.back_up()
    desk.host.add_uploads(3)

    outcome = desk.back_up(desk.store, s3_store_settings)

    stores = {str(each["name"]): each for each in _stores(outcome.facts["stores"])}
    assert stores["disk"]["new_uploads"] == 3
    assert stores["bucket"]["new_uploads"] == 40 + 36 + 3
    assert stores["disk"]["verified"] is stores["bucket"]["verified"] is True


def test_a_third_backup_builds_on_all_earlier_ones(desk: Desk) -> None:
    first = desk.back_up().facts["snapshot"]
    desk.host.add_uploads(2)
    second = desk.back_up().facts["snapshot"]
    desk.host.add_uploads(1)
    third = desk.back_up().facts["snapshot"]

    record = catalogue.snapshot(desk.store, str(third))

    assert record.uploads.held_by == {first: 76, second: 2, third: 1}


def test_a_changed_file_is_sent_again_and_a_removed_one_is_gone(desk: Desk) -> None:
    desk.back_up()
    changed, removed, *_ = sorted(
        path for path in desk.host.layout.uploads.rglob("*") if path.is_file()
    )
    changed.write_bytes(b"something else")
    removed.unlink()

    snapshot = str(desk.back_up().facts["snapshot"])

    totals = catalogue.snapshot(desk.store, snapshot).uploads
    assert (totals.files, totals.new_files, totals.new_bytes) == (75, 1, 14)


def test_only_the_named_store_gets_the_copy(desk: Desk, s3_store_settings: StoreSettings) -> None:
    desk.back_up(desk.store, s3_store_settings, to="bucket")

    assert len(catalogue.list_snapshots(s3_store_settings)) == 1
    assert not desk.directory.exists()


def test_a_store_that_is_not_configured_is_named_with_those_that_are(desk: Desk) -> None:
    with pytest.raises(BadCommand, match="no store `elsewhere`") as refused:
        desk.back_up(to="elsewhere")

    assert refused.value.hint == "Stores are: disk. Example: `backup now --to disk`."


def test_without_a_store_nothing_is_planned(desk: Desk) -> None:
    context = replace(desk.context(), stores=())

    with pytest.raises(HostFailure) as failure:
        take_backup.plan(context, take_backup.Args())

    assert failure.value.reason is Reason.NOT_CONFIGURED


def test_the_plan_is_bound_to_what_does_not_change_by_itself(desk: Desk) -> None:
    before = take_backup.plan(desk.context(), take_backup.Args())
    desk.host.grow_database(100)
    desk.host.add_uploads(5)

    after = take_backup.plan(desk.context(), take_backup.Args())

    assert after.binding == before.binding
    assert str(after.estimates["uploads"]).startswith("81 files, ")
    assert all(each.holds for each in after.preconditions)
    assert after.binding["zulip_version"] == "9.2"
    assert after.binding["copies_to"] == {"disk": str(desk.directory)}


def test_a_plan_without_a_database_says_so(desk: Desk) -> None:
    settings = desk.host.settings()
    away = replace(settings, database=replace(settings.database, host=str(desk.host.root)))

    plan = take_backup.plan(replace(desk.context(), host=away), take_backup.Args())

    [answers] = [each for each in plan.preconditions if each.name == "database_answers"]
    assert not answers.holds
    assert "PostgreSQL cannot be reached" in answers.sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_plan_sees_that_the_store_is_too_small(desk: Desk, small_disk: Path) -> None:
    (small_disk / "other").write_bytes(bytes(5 * 1024 * 1024))

    plan = take_backup.plan(
        desk.context(StoreSettings(name="small", path=small_disk)), take_backup.Args()
    )

    [ready] = [each for each in plan.preconditions if each.name == "a_store_is_ready"]
    assert not ready.holds
    assert "Store small has 1.0 MB free and may need" in ready.sentence


def test_strange_names_links_and_empty_files_are_kept(desk: Desk, tmp_path: Path) -> None:
    uploads = desk.host.layout.uploads
    names = (b"new\nline", b"no utf-8 \xff\xfe", b"quote'\"", b"long" * 60, "ümlaut 🙂".encode())
    for name in names:
        Path(os.fsdecode(os.fsencode(uploads) + b"/" + name)).write_bytes(name)
    (uploads / "empty").touch()
    (uploads / "outside").symlink_to("/etc/passwd")
    (uploads / "dangling").symlink_to("nowhere")
    os.mkfifo(uploads / "pipe")

    snapshot = str(desk.back_up().facts["snapshot"])

    target = tmp_path / "restored"
    target.mkdir()
    objects = desk.directory / "objects" / snapshot
    by_hand(f"cat uploads-* | zstd -dc | tar -x -C {target}", directory=objects)
    assert {os.fsencode(path.name) for path in (target / "uploads").iterdir()} >= set(names)
    assert (target / "uploads/outside").readlink() == Path("/etc/passwd")
    assert (target / "uploads/dangling").is_symlink()
    assert not (target / "uploads/pipe").exists()
    left_out = catalogue.snapshot(desk.store, snapshot).left_out
    assert any("neither a file nor a symbolic link: 'pipe'" in each for each in left_out)
    assert _new_uploads(desk.back_up().facts["stores"]) == 0


def test_steps_and_progress_are_told_while_it_runs(desk: Desk) -> None:
    desk.back_up()

    assert [title for title, well in desk.journal.steps if well] == [
        *take_backup.STEPS[:3],
        "Read the copy in store disk back to its end",
    ]
    assert any(sentence.startswith("Copied: database") for sentence, _, _ in desk.journal.said)
    assert desk.journal.facts["snapshot"] == catalogue.list_snapshots(desk.store)[0].id


def test_objects_are_closed_files_that_name_their_snapshot(desk: Desk) -> None:
    snapshot = desk.back_up().facts["snapshot"]

    keys = [entry.key for entry in open_store(desk.store).entries("objects/")]

    streams = ("configuration", "database", "index", "uploads")
    assert keys == [f"objects/{snapshot}/{stream}-000001" for stream in streams]
    assert {path.stat().st_mode & 0o777 for path in desk.directory.rglob("*-000001")} == {0o600}


def _stores(facts: object) -> list[dict[str, object]]:
    assert isinstance(facts, list)
    return facts


def _new_uploads(facts: object) -> object:
    [store] = _stores(facts)
    return store["new_uploads"]
