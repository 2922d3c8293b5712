"""Some uploads are compared with the index, from wherever an object of their tar begins."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from handlers.backups import streams
from handlers.backups.drills.checking import samples
from handlers.backups.drills.checking.samples import check_some_uploads, members_in
from handlers.backups.drills.findings import Findings
from handlers.backups.drills.stored_copy import Copy
from handlers.backups.repository import INDEX, read_snapshot
from handlers.backups.sealing.keys import Keys
from handlers.backups.tar_stream import TarWriter
from handlers.backups.uploads import encode_line, read_index
from handlers.errors import HostFailure, Reason
from handlers.host.object_store import open_store
from tests.handlers.backups.conftest import Desk


@pytest.fixture
def small_objects(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of a quarter of a mebibyte, so that a small copy has many of them."""
    monkeypatch.setattr(streams, "OBJECT_BYTES", 1024 * 1024 // 4)
    monkeypatch.setattr(samples, "OBJECTS", 100)
    for number in range(30):
        path = desk.host.layout.uploads / "files" / f"large{number}"
        path.write_bytes(os.urandom(200_000))


def spooled(copy: Copy, directory: Path) -> Path:
    """The index as a drill leaves it: one file for each copy that holds uploads."""
    lines = list(read_index(copy.stream(INDEX).plain()))
    for holder in copy.snapshot.uploads.held_by:
        own = (encode_line(line) for line in lines if line.snapshot == holder)
        (directory / holder).write_bytes(b"".join(own))
    return directory


def copy_of(desk: Desk) -> Copy:
    snapshot = str(desk.back_up().facts["snapshot"])
    store = open_store(desk.store)
    return Copy(store, read_snapshot(store, snapshot), Keys())


def tar_of(files: dict[str, bytes], directory: Path) -> bytes:
    """As a copy has it."""
    written = bytearray()
    writer = TarWriter(written.extend)
    for name, content in files.items():
        path = directory / "content"
        path.write_bytes(content)
        writer.add_file(name, os.fsencode(path))
    writer.close()
    return bytes(written)


@pytest.mark.usefixtures("small_objects")
def test_uploads_of_every_object_are_found_and_compared(desk: Desk, tmp_path: Path) -> None:
    copy, findings = copy_of(desk), Findings()
    objects = copy.snapshot.streams["uploads"].objects
    assert len(objects) > 1
    spool = tmp_path / "index"
    spool.mkdir()

    check_some_uploads(copy, spooled(copy, spool), findings)

    [compared] = findings.checked
    number, total = int(compared.split()[0]), copy.snapshot.uploads.files
    # A file that lies across the end of an object is not looked at.
    assert total - 2 * len(objects) <= number < total
    assert f"{total - number} of {total} uploads were not taken out" in findings.not_checked[0]


def test_an_upload_that_is_not_what_the_index_says_is_named(desk: Desk, tmp_path: Path) -> None:
    copy = copy_of(desk)
    spool = tmp_path / "index"
    spool.mkdir()
    file = spooled(copy, spool) / copy.snapshot.id
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        line["sha256"] = hashlib.sha256(b"another").hexdigest()
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    with pytest.raises(HostFailure, match=r"The upload '.+' is not what was copied") as failure:
        check_some_uploads(copy, spool, Findings())

    assert failure.value.reason is Reason.VERIFICATION_FAILED


@pytest.mark.parametrize("start", [0, 1, 100, 511, 512, 700, 1500])
def test_a_tar_can_be_read_from_anywhere(tmp_path: Path, start: int) -> None:
    files = {f"uploads/files/{n}": bytes([n]) * (n * 300) for n in range(1, 9)}
    tar = tar_of(files, tmp_path)

    found = members_in(tar[start:])

    assert "uploads/files/8" in found
    for name, member in found.items():
        assert member.sha256 == hashlib.sha256(files[name]).hexdigest()


def test_a_tar_that_was_itself_uploaded_is_not_mistaken_for_ours(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for number in range(5):
            info = tarfile.TarInfo(f"home/file{number}")
            info.size = 700
            tar.addfile(info, io.BytesIO(b"x" * 700))
    files = {"uploads/files/inner.tar": inner.getvalue(), "uploads/files/z": b"last"}

    found = members_in(tar_of(files, tmp_path)[600:])

    assert set(found) == {"uploads/files/z"}


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"ustar  \0" * 500, os.urandom(5000)])
def test_in_what_is_no_tar_nothing_is_found(data: bytes) -> None:
    assert members_in(data) == {}


def test_no_more_of_an_object_is_held_than_is_looked_at(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "KEPT_BYTES", 20_000)
    copy, findings = copy_of(desk), Findings()
    spool = tmp_path / "index"
    spool.mkdir()

    check_some_uploads(copy, spooled(copy, spool), findings)

    assert 0 < int(findings.checked[0].split()[0]) < 60
