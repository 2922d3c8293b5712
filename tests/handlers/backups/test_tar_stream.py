"""Tar streams: the same bytes that Python's own tarfile would write, and read back with care."""

import errno
import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.backups.tar_stream import BLOCK, READ_BYTES, TarReader, TarWriter, _header

names = (
    st.binary(min_size=1, max_size=150)
    .filter(lambda name: b"\0" not in name and not name.endswith(b"/"))
    .map(os.fsdecode)
)
numbers = st.one_of(st.integers(0, 3000), st.integers(0, 2**40))
details = st.tuples(
    st.integers(0, 0o7777),
    *(st.just(0), st.just(0), st.just(1)),
    *(st.integers(0, 2**31), st.integers(0, 2**31), numbers),
    *(st.just(0), st.integers(-(2**31), 2**40), st.just(0)),
).map(lambda fields: os.stat_result((fields[0] | 0o100000, *fields[1:])))


@settings(deadline=None, max_examples=300)
@given(names, details, names)
def test_headers_are_those_of_tarfile(name: str, found: os.stat_result, link: str) -> None:
    for kind, target in ((tarfile.REGTYPE, ""), (tarfile.SYMTYPE, link)):
        expected = tarfile.TarInfo(name)
        expected.type, expected.linkname = kind, target
        expected.mode = found.st_mode & 0o7777
        expected.uid, expected.gid = found.st_uid, found.st_gid
        expected.size = found.st_size if kind == tarfile.REGTYPE else 0
        expected.mtime = int(found.st_mtime)

        ours = _header(name, found, kind, target)

        assert ours == expected.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def archive_of(*paths: Path) -> bytes:
    written = bytearray()
    writer = TarWriter(written.extend)
    for path in paths:
        writer.add_file(path.name, os.fsencode(path))
    writer.close()
    return bytes(written)


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 3 * 1024 * 1024 + 5])
def test_files_of_every_size_are_read_back(tmp_path: Path, size: int) -> None:
    file = tmp_path / ("long name " * 20)
    file.write_bytes(os.urandom(size))
    archive = archive_of(file)

    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        content = opened.extractfile(opened.getmembers()[0])
        assert content is not None
        assert content.read() == file.read_bytes()
    [member] = TarReader(iter([archive[:700], archive[700:]])).members()
    assert (member.name, member.size_bytes) == (file.name, size)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_reader_never_takes_a_cut_archive_for_whole(data: st.DataObject) -> None:
    archive = _ARCHIVE
    end = data.draw(st.integers(0, len(archive) - BLOCK - 1))

    with pytest.raises(ValueError, match="ends early"):
        list(TarReader(iter([archive[:end]])).members())


def test_rubbish_is_no_archive() -> None:
    with pytest.raises(ValueError, match="header"):
        list(TarReader(iter([b"rubbish" * 200])).members())


def test_bytes_after_the_end_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")

    with pytest.raises(ValueError, match="after the end"):
        list(TarReader(iter([archive_of(tmp_path / "a"), b"more"])).members())


def _small_archive() -> bytes:
    header = tarfile.TarInfo("name")
    header.size = 700
    return header.tobuf(tarfile.GNU_FORMAT) + b"x" * 700 + bytes(2 * BLOCK - 700 + 2 * BLOCK)


_ARCHIVE = _small_archive()


def test_content_from_memory_is_a_file_of_roots(tmp_path: Path) -> None:
    written = bytearray()
    writer = TarWriter(written.extend)
    writer.add_bytes("postgresql/globals.sql", b"CREATE ROLE zulip;\n", 0o600)
    writer.close()

    with tarfile.open(fileobj=io.BytesIO(bytes(written))) as opened:
        [member] = opened.getmembers()
        content = opened.extractfile(member)
        assert content is not None
        assert content.read() == b"CREATE ROLE zulip;\n"
    assert (member.mode, member.uid, member.isreg()) == (0o600, 0, True)
    assert abs(member.mtime - time.time()) < 60


def test_a_disk_that_fails_within_a_file_leaves_the_members_after_it_in_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad").write_bytes(os.urandom(2 * READ_BYTES + 5))
    (tmp_path / "good").write_bytes(b"good")
    written, read = bytearray(), os.read
    writer = TarWriter(written.extend)

    def failing(descriptor: int, size: int) -> bytes:
        if os.lseek(descriptor, 0, os.SEEK_CUR) >= READ_BYTES:
            raise OSError(errno.EIO, "Input/output error")
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", failing)
    with pytest.raises(OSError, match="Input/output"):
        writer.add_file("bad", os.fsencode(tmp_path / "bad"))
    writer.add_file("good", os.fsencode(tmp_path / "good"))
    writer.close()

    with tarfile.open(fileobj=io.BytesIO(bytes(written))) as opened:
        assert opened.getnames() == ["bad", "good"]
