"""The disk that forgets keeps what was synced, whole, and nothing else for certain."""

import random
from pathlib import Path

import pytest

from bench.power.calls import Argument, Call, Descriptor
from bench.power.disk import Disk, Lot

ROOT = Path("/a")
FILE = ROOT / "file"


class Writing:
    """Makes the calls of one process, one after the other."""

    def __init__(self) -> None:
        self.disk = Disk(ROOT)
        self._line = 0

    def call(self, name: str, *arguments: Argument, result: int = 0) -> None:
        self._line += 1
        self.disk.take(Call(self._line, self._line, 1, name, arguments, result))

    def make(self, path: Path = FILE) -> None:
        flags = "O_WRONLY|O_CREAT"
        self.call("openat", Descriptor(-1, ROOT), bytes(path), flags, "0600", result=3)

    def write(self, data: bytes, path: Path = FILE) -> None:
        self.call("write", Descriptor(3, path), data, str(len(data)), result=len(data))

    def sync(self, path: Path) -> None:
        self.call("fsync", Descriptor(3, path))

    def rename(self, old: Path, new: Path) -> None:
        self.call("rename", bytes(old), bytes(new))

    def images(self, folder: Path, kept: float, torn: float = 0, times: int = 1) -> list[bytes]:
        """What the file holds after losses; empty when it is not there."""
        found = []
        for seed in range(times):
            image = folder / f"{kept}-{torn}-{seed}-{self._line}"
            image.mkdir()
            self.disk.write_image(image, Lot(random.Random(seed), kept, torn))
            file = image / FILE.name
            found.append(file.read_bytes() if file.exists() else b"")
        return found


@pytest.fixture
def writing() -> Writing:
    return Writing()


def test_a_synced_file_without_a_synced_name_is_lost(writing: Writing, tmp_path: Path) -> None:
    writing.make()
    writing.write(b"word")
    writing.sync(FILE)
    assert writing.images(tmp_path, kept=0) == [b""]
    writing.sync(ROOT)
    assert writing.images(tmp_path, kept=0) == [b"word"]


def test_what_is_written_after_the_sync_may_stay_or_not(writing: Writing, tmp_path: Path) -> None:
    writing.make()
    writing.sync(ROOT)
    writing.write(b"one ")
    writing.sync(FILE)
    writing.write(b"two")
    assert writing.images(tmp_path, kept=0) == [b"one "]
    assert writing.images(tmp_path, kept=1) == [b"one two"]


def test_a_torn_write_is_torn_between_sectors(writing: Writing, tmp_path: Path) -> None:
    writing.make()
    writing.sync(ROOT)
    writing.write(b"x" * 700)
    writing.sync(FILE)
    writing.call("pwrite64", Descriptor(3, FILE), b"y" * 700, "700", "0", result=700)
    found = {(data[:512], data[512:]) for data in writing.images(tmp_path, 0, torn=1, times=30)}
    assert found == {
        (first * 512, second * 188) for first in (b"x", b"y") for second in (b"x", b"y")
    }


def test_a_renamed_file_is_found_under_one_of_its_names(writing: Writing, tmp_path: Path) -> None:
    new = ROOT / "new"
    for path, word in ((FILE, b"old"), (new, b"new")):
        writing.make(path)
        writing.write(word, path)
        writing.sync(path)
    writing.sync(ROOT)
    writing.rename(new, FILE)
    assert writing.images(tmp_path, kept=0) == [b"old"]
    assert writing.images(tmp_path, kept=1) == [b"new"]
    writing.sync(ROOT)
    assert writing.images(tmp_path, kept=0) == [b"new"]


def test_a_write_that_was_under_way_when_the_sync_began_is_not_covered(
    writing: Writing, tmp_path: Path
) -> None:
    writing.make()
    writing.sync(ROOT)
    disk = writing.disk
    disk.take(Call(10, 12, 1, "pwrite64", (Descriptor(3, FILE), b"late", "4", "0"), 4))
    disk.take(Call(11, 13, 2, "fdatasync", (Descriptor(3, FILE),), 0))
    assert writing.images(tmp_path, kept=0) == [b""]


def test_a_way_to_change_files_that_is_not_modelled_is_an_error(writing: Writing) -> None:
    with pytest.raises(NotImplementedError):
        writing.call("symlink", b"/a/b", b"/a/c")
