"""Directories are made level by level, and what is in their place is not touched."""

import stat
from pathlib import Path

import pytest

from handlers.host import directories


def test_every_missing_level_is_made(tmp_path: Path) -> None:
    wanted = tmp_path / "one" / "two"
    directories.make(wanted, 0o700)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (wanted, wanted.parent)] == [0o700] * 2


def test_a_directory_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = tmp_path.stat().st_mode
    directories.make(tmp_path, 0o711)
    assert (tmp_path.stat().st_mode, (tmp_path / "file").exists()) == (before, True)


def test_a_file_in_its_place_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for wanted in (file, file / "below"):
        with pytest.raises(NotADirectoryError) as caught:
            directories.make(wanted, 0o700)
        assert str(caught.value.filename).startswith(str(file))
