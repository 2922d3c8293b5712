"""The uploads of a copy unpacked into a new directory, and what leads nowhere else."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.backups import catalogue
from handlers.backups.repository import INDEX, UPLOADS
from handlers.backups.restoring.checking import attachments_sentence, missing_attachments
from handlers.backups.restoring.place import Place
from handlers.backups.restoring.source import Source
from handlers.backups.restoring.unpacking import Unpacked, index_of, unpack
from handlers.errors import HostFailure, Reason
from handlers.host import postgres
from handlers.host.object_store import open_store
from tests.handlers.backups.conftest import Desk


def source_of(desk: Desk) -> Source:
    newest = catalogue.list_snapshots(desk.store)[0].id
    return Source(open_store(desk.store), catalogue.snapshot(desk.store, newest))


def unpacked(desk: Desk, source: Source | None = None) -> Unpacked:
    uploads = desk.host.layout.uploads
    return unpack(source or source_of(desk), beside(desk), uploads, lambda _: None)


def beside(desk: Desk) -> Path:
    return desk.host.layout.uploads.with_name("uploads_beside")


def tree(root: Path) -> dict[bytes, tuple[int, int, object]]:
    """Every file and link below, with size, time and content."""
    found: dict[bytes, tuple[int, int, object]] = {}
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 (bytes that are no text)
            details = os.lstat(path)
            if stat.S_ISLNK(details.st_mode):
                content: object = os.readlink(path)  # noqa: PTH115 (likewise)
                moment = 0
            else:
                content, moment = Path(os.fsdecode(path)).read_bytes(), details.st_mtime_ns
            found[path.removeprefix(os.fsencode(root))] = (details.st_mode, moment, content)
    return found


def test_three_copies_that_build_on_each_other_give_back_exactly_the_newest(desk: Desk) -> None:
    uploads = desk.host.layout.uploads
    desk.back_up()
    desk.host.add_uploads(5)
    desk.back_up()
    gone = sorted((uploads / "avatars").rglob("*.png"))[0]
    gone.unlink()
    (uploads / "line\nbreak").write_bytes(b"1")
    Path(os.fsdecode(os.fsencode(uploads) + b"/no \xff text")).write_bytes(b"2")
    (uploads / "out").symlink_to("/etc/passwd")
    desk.back_up()

    result = unpacked(desk)

    assert tree(beside(desk)) == tree(uploads)
    assert result.files == len(tree(uploads))
    assert len(source_of(desk).snapshot.uploads.held_by) == 3
    assert stat.S_IMODE(beside(desk).stat().st_mode) == stat.S_IMODE(uploads.stat().st_mode)
    assert "new" not in str(desk.back_up().facts.get("error"))


def test_a_restored_directory_is_found_unchanged_by_the_next_backup(desk: Desk) -> None:
    desk.back_up()
    unpacked(desk)
    uploads = desk.host.layout.uploads
    uploads.rename(uploads.with_name("aside"))
    beside(desk).rename(uploads)

    [store] = _stores(desk.back_up().facts["stores"])

    assert store["new_uploads"] == 0


@pytest.mark.parametrize("stream", [UPLOADS, INDEX])
def test_a_flipped_byte_stops_it(desk: Desk, stream: str) -> None:
    desk.back_up()
    source = source_of(desk)
    path = desk.directory / source.snapshot.streams[stream].objects[0].key
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)

    with pytest.raises(HostFailure, match="is not what was written") as failure:
        unpacked(desk)

    assert failure.value.reason is Reason.VERIFICATION_FAILED


def test_a_file_that_the_tar_does_not_hold_is_named(desk: Desk) -> None:
    desk.back_up()
    first = source_of(desk).snapshot
    desk.host.add_uploads(2)
    desk.back_up()
    source = source_of(desk)
    swapped = replace(
        source.snapshot,
        streams={**source.snapshot.streams, UPLOADS: first.streams[UPLOADS]},
    )

    with pytest.raises(HostFailure, match=r"and the index do not agree: 'files/.*' is not in it"):
        unpacked(desk, replace(source, snapshot=swapped))


@pytest.mark.parametrize("path", ["../out", "/etc/x", "a/../../x", "a//b", ".", "a/\0", ""])
def test_no_name_leads_out(tmp_path: Path, path: str) -> None:
    with Place(tmp_path / "new") as place, pytest.raises(ValueError, match="leads out"):
        place.new_file(path)


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    """Whoever may write around the new directory puts a link in its way."""
    with Place(tmp_path / "new") as place:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "new" / "files").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            place.new_file("files/a")
        (tmp_path / "new").rename(tmp_path / "moved")
        (tmp_path / "new").symlink_to(tmp_path / "elsewhere")
        os.close(place.new_file("b"))

    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "moved" / "b").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_one_sentence(desk: Desk, small_disk: Path) -> None:
    (desk.host.layout.uploads / "large.bin").write_bytes(os.urandom(8 * 1024 * 1024))
    desk.back_up()

    with pytest.raises(HostFailure, match="No space left on device") as failure:
        unpack(source_of(desk), small_disk / "new", desk.host.layout.uploads, lambda _: None)

    assert failure.value.reason is Reason.DISK_FULL


def test_attachments_that_are_not_in_the_copy_are_named(desk: Desk) -> None:
    database = desk.host.settings().database
    desk.back_up()
    with postgres.connect(database) as connection:
        assert missing_attachments(connection, index_of(source_of(desk))) == []
    [lost, *_] = sorted((desk.host.layout.uploads / "files").rglob("*.txt"))
    lost.unlink()
    desk.back_up()

    with postgres.connect(database) as connection:
        missing = missing_attachments(connection, index_of(source_of(desk)))

    assert missing == [str(lost.relative_to(desk.host.layout.uploads / "files"))]
    said = attachments_sentence(missing)
    assert said == (f"One attachment that the database names is not in the copy: `{missing[0]}`.")
    assert attachments_sentence([]) is None


def _stores(facts: object) -> list[dict[str, object]]:
    assert isinstance(facts, list)
    return facts
