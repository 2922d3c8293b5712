"""Which uploads are new, and the index that remembers it."""

import os
import time
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.backups.uploads import (
    Indexed,
    encode_line,
    read_index,
    scan,
    side_by_side,
)

ID = "20261123T150200Z-0123abcd"

names = st.binary(min_size=1, max_size=12).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join).map(os.fsdecode)
lines = st.builds(
    Indexed,
    path=paths,
    size=st.integers(0, 2**40),
    mtime_ns=st.integers(-(2**62), 2**62),
    snapshot=st.just(ID),
    sha256=st.just("0" * 64),
    changed=st.booleans(),
)


@settings(deadline=None)
@given(st.lists(lines, max_size=10), st.integers(1, 40))
def test_every_line_of_an_index_survives(written: list[Indexed], step: int) -> None:
    data = b"".join(encode_line(line) for line in written)

    chunks = (data[start : start + step] for start in range(0, len(data), step))

    assert list(read_index(chunks)) == written
    assert data.count(b"\n") == len(written)


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def index_of(root: Path) -> list[Indexed]:
    return [Indexed(found.path, found.size, found.mtime_ns, ID) for found in scan(root)]


def test_a_scan_is_in_one_order_whatever_the_names(tmp_path: Path) -> None:
    make(tmp_path, "b", "a.b", "a/z", "a/b/c", "a-b", "ä", "a/b.c")

    found = [found.path for found in scan(tmp_path)]

    assert found == sorted(found, key=lambda path: os.fsencode(path).split(b"/"))
    assert len(found) == 7


def test_what_the_base_holds_is_found_beside_the_scan(tmp_path: Path) -> None:
    make(tmp_path, "a/1", "a/3", "b/1", "c")
    base = index_of(tmp_path)
    make(tmp_path, "a/2", "a.txt", "d/1")
    (tmp_path / "b/1").unlink()

    matched = {
        found.path: earlier is not None
        for found, earlier in side_by_side(scan(tmp_path), iter(base))
    }

    assert matched == {
        "a/1": True,
        "a/2": False,
        "a/3": True,
        "a.txt": False,
        "c": True,
        "d/1": False,
    }


def test_a_directory_that_is_not_there_has_no_uploads(tmp_path: Path) -> None:
    assert list(scan(tmp_path / "nowhere")) == []


def test_a_file_that_became_a_link_is_another_file(tmp_path: Path) -> None:
    make(tmp_path, "a")
    [before] = index_of(tmp_path)
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to("b")

    [(found, earlier)] = side_by_side(scan(tmp_path), iter([before]))

    assert earlier == before
    assert found.target == "b"
    assert replace(before, target="b", size=0) != before


def test_a_scan_without_changes_costs_little(tmp_path: Path) -> None:
    for directory in range(20):
        make(tmp_path, *(f"{directory}/{number}" for number in range(250)))
    base = index_of(tmp_path)

    started = time.process_time()
    count = sum(1 for _ in side_by_side(scan(tmp_path), iter(base)))
    spent = time.process_time() - started

    assert count == 5000
    # The goal is 100 µs a file; a busy machine must not break the build.
    assert spent / count < 300e-6
