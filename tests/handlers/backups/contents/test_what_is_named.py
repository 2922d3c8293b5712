"""A whole backup looks for the attachments, avatars, emoji and images that its database names."""

import json
import os
import shutil
from collections.abc import Sequence

import pytest

from handlers.backups import catalogue, database_dump, repository
from handlers.backups.contents.completeness import Lookup
from handlers.backups.contents.named_files import Named, Naming, named, still_named
from handlers.backups.repository import NamedFiles, Snapshot
from handlers.backups.uploads import scan
from handlers.host import postgres, zulip_settings
from tests.handlers.backups.conftest import Desk


def backed_up(desk: Desk) -> Snapshot:
    return catalogue.snapshot(desk.store, str(desk.back_up().facts["snapshot"]))


def named_files(desk: Desk) -> NamedFiles:
    found = backed_up(desk).named_files
    assert found is not None
    return found


def sql(desk: Desk, statement: str) -> str:
    database = desk.host.database
    assert database is not None
    return database.cluster.sql(f"SET search_path TO zulip; {statement}", database=database.name)


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("files/*/*/*/*", "attachments"),
        ("avatars/2/*.original", "avatars"),
        ("avatars/2/emoji/images/1.png", "custom emoji"),
        ("avatars/2/realm/icon.png", "organization images"),
    ],
)
def test_a_file_of_each_kind_is_missed_and_the_copy_is_inconsistent(
    desk: Desk, pattern: str, kind: str
) -> None:
    lost = sorted(desk.host.layout.uploads.glob(pattern))[0]
    lost.unlink()

    outcome = desk.back_up()

    snapshot = catalogue.snapshot(desk.store, str(outcome.facts["snapshot"]))
    assert not snapshot.is_consistent
    assert snapshot.named_files is not None
    assert snapshot.named_files.counts[kind] > 0
    path = str(lost.relative_to(desk.host.layout.uploads))
    assert snapshot.named_files.first_missing == (path,)
    assert "It is **inconsistent**: a file that its database names was not" in outcome.sentence
    assert path.rpartition("/")[0] in outcome.sentence
    [summary] = catalogue.list_snapshots(desk.store)
    assert summary.standing.verified_at is not None
    assert summary.missing_files == 1


def test_what_zulip_deletes_between_dump_and_scan_is_no_alarm(desk: Desk) -> None:
    settings, uploads = desk.host.settings().database, desk.host.layout.uploads
    lost = sorted(uploads.glob("files/*/*/*/*"))[0]
    path_id = str(lost.relative_to(uploads / "files"))
    naming = Naming(avatar_salt=zulip_settings.secret(desk.host.layout, "avatar_salt"))

    def ask_again(some: Sequence[Named]) -> Sequence[Named]:
        with postgres.connect(settings) as now:
            return still_named(now, naming, some)

    with postgres.connect(settings) as connection:
        database_dump.exported_snapshot(connection)
        sql(desk, f"DELETE FROM zerver_attachment WHERE path_id = '{path_id}'")
        lost.unlink()
        lookup = Lookup(named(connection, naming), ask_again)
        for found in scan(uploads):
            lookup.passes(found.path)
        told = lookup.finish()

    assert told.counts["attachments"] == 40
    assert (told.missing, told.deleted_meanwhile) == (0, 1)


def test_before_zulip_9_avatars_were_named_otherwise(desk: Desk) -> None:
    sql(desk, "DELETE FROM django_migrations WHERE name >= '0544'")

    assert named_files(desk).missing == 22


def test_an_animated_emoji_needs_its_still_picture(desk: Desk) -> None:
    sql(
        desk,
        "INSERT INTO zerver_realmemoji (realm_id, name, file_name, is_animated, deactivated)"
        " VALUES (2, 'wave', '2.gif', true, true)",
    )

    assert named_files(desk).first_missing == (
        "avatars/2/emoji/images/2.gif",
        "avatars/2/emoji/images/still/2.png",
    )


def test_without_the_salt_avatars_are_not_looked_for_and_that_is_said(desk: Desk) -> None:
    desk.host.layout.secrets_file.write_text("[secrets]\n", encoding="utf-8")

    snapshot = backed_up(desk)

    assert snapshot.named_files is not None
    assert "avatars" not in snapshot.named_files.counts
    assert any("Whether uploaded avatars are there" in each for each in snapshot.left_out)


def test_a_link_out_of_the_uploads_is_kept_and_what_it_hides_is_missed(desk: Desk) -> None:
    uploads = desk.host.layout.uploads
    elsewhere = desk.host.root / "srv/files"
    elsewhere.parent.mkdir(exist_ok=True)
    shutil.move(uploads / "files", elsewhere)
    (uploads / "files").symlink_to(elsewhere)

    snapshot = backed_up(desk)

    assert snapshot.named_files is not None
    assert snapshot.named_files.missing == 40
    assert any("is a link to what is not among the uploads" in each for each in snapshot.left_out)


def test_a_link_within_the_uploads_is_as_good_as_its_file(desk: Desk) -> None:
    lost = sorted(desk.host.layout.uploads.glob("files/*/*/*/*"))[0]
    lost.rename(lost.with_name("moved"))
    lost.symlink_to("moved")

    assert named_files(desk).missing == 0


def test_uploads_lie_where_the_settings_say(desk: Desk) -> None:
    layout = desk.host.layout
    shutil.move(layout.uploads, layout.root / "srv/uploads")
    text = layout.settings_file.read_text(encoding="utf-8")
    layout.settings_file.write_text(
        text.replace("/home/zulip/uploads", "/srv/uploads"), encoding="utf-8"
    )

    snapshot = backed_up(desk)

    assert snapshot.uploads.files == 76
    assert snapshot.is_consistent


def test_without_any_directory_everything_is_missed(desk: Desk) -> None:
    shutil.rmtree(desk.host.layout.uploads)

    snapshot = backed_up(desk)

    assert snapshot.named_files is not None
    assert snapshot.named_files.missing == sum(snapshot.named_files.counts.values()) == 64
    assert "Uploads: there is no directory /home/zulip/uploads." in snapshot.left_out


def test_names_that_are_no_utf8_and_hold_newlines_disturb_no_order(desk: Desk) -> None:
    directory = os.fsencode(desk.host.layout.uploads) + b"/files"
    for name in (b"\xff\xfe", b"new\nline", b"2.", b"2-", b"\x01"):
        with open(directory + b"/" + name, "wb") as file:  # noqa: PTH123 (bytes)
            file.write(b"x")

    found = named_files(desk)

    assert (found.counts["attachments"], found.missing) == (40, 0)


def test_a_record_of_before_still_reads(desk: Desk) -> None:
    snapshot = backed_up(desk)
    path = desk.directory / f"snapshots/{snapshot.id}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record["only"], record["named_files"], record["sha256"]
    path.write_bytes(repository.encode(record))

    read = catalogue.snapshot(desk.store, snapshot.id)

    assert read.is_whole
    assert read.is_consistent
    assert read.named_files is None


def test_settings_are_read_and_never_run(desk: Desk) -> None:
    layout = desk.host.layout
    layout.settings_file.write_text(
        "raise SystemExit\nimport os\nLOCAL_UPLOADS_DIR = os.environ['HOME']\n", encoding="utf-8"
    )

    assert zulip_settings.uploads_place(layout).directory == layout.uploads
