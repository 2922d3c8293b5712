"""Files that the database names are looked for in one pass, and asked for before one is missed."""

import os
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.backups.contents import completeness
from handlers.backups.contents.completeness import Lookup
from handlers.backups.contents.named_files import Named, order

letters = st.characters(min_codepoint=1, exclude_categories=["Cs"], exclude_characters="/")
words = st.text(letters, min_size=1, max_size=3)
paths = st.lists(words.filter(lambda word: word not in {".", ".."}), min_size=1, max_size=3).map(
    "/".join
)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completeness, "PAUSE_SECONDS", 0.0)


def names(some: Sequence[str]) -> Iterator[Named]:
    return (Named(path, "attachments", path) for path in sorted(some, key=order))


def look(named: Sequence[str], there: Sequence[str], gone: Sequence[str] = ()) -> Lookup:
    lookup = Lookup(names(named), lambda some: [each for each in some if each.path not in gone])
    for path in sorted(there, key=order):
        lookup.passes(path)
    return lookup


@given(st.sets(paths, max_size=12), st.sets(paths, max_size=12), st.sets(paths, max_size=12))
def test_whatever_is_named_and_neither_there_nor_deleted_is_missing(
    named: set[str], there: set[str], gone: set[str]
) -> None:
    found = look([*named], [*there], [*gone]).finish()

    assert set(found.first_missing) == named - there - gone
    assert found.missing == len(named - there - gone)
    assert found.deleted_meanwhile == len((named - there) & gone)
    assert sum(found.counts.values()) == len(named)


@given(st.lists(paths, unique=True, max_size=12))
def test_names_are_in_the_order_in_which_directories_are_scanned(some: list[str]) -> None:
    by_parts = sorted(some, key=lambda path: os.fsencode(path).split(b"/"))

    assert sorted(some, key=order) == by_parts


def test_two_rows_may_name_one_file() -> None:
    assert look(["a", "a", "b"], ["a", "b"]).finish().missing == 0
    assert look(["a", "a", "b"], ["b"]).finish().missing == 2


def test_a_link_to_nowhere_is_no_file() -> None:
    lookup = look(["a"], [])
    lookup.passes("a", has_content=False)

    assert lookup.finish().first_missing == ("a",)


def test_it_holds_no_more_than_a_batch_however_many_are_missing() -> None:
    asked: list[int] = []

    def ask_again(some: Sequence[Named]) -> Sequence[Named]:
        asked.append(len(some))
        return some

    lookup = Lookup((Named(f"{n:06}", "attachments", n) for n in range(5000)), ask_again)
    found = lookup.finish()

    assert (found.missing, len(found.first_missing)) == (5000, completeness.NAMED_FILES)
    assert max(asked) == completeness.BATCH
    assert len(lookup._missing) <= completeness.BATCH


def test_what_is_deleted_within_the_pause_is_not_missing() -> None:
    answers = iter([[Named("a", "attachments", "a")], []])
    lookup = Lookup(names(["a"]), lambda _some: next(answers))

    found = lookup.finish()

    assert (found.missing, found.deleted_meanwhile) == (0, 1)
