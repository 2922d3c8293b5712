"""Every module says in one sentence what it is for, and ARCHITECTURE.md repeats it."""

import re

import pytest

from tests.architecture.file_table import PAGE, page_with_table
from tests.architecture.tree import PACKAGES, Source, sources

#: A full stop, then a space and a capital: where a second sentence would begin.
SECOND_SENTENCE = re.compile(r"[.!?]\s+[A-Z]")


@pytest.mark.parametrize("source", sources(*PACKAGES, "bench", "tests"), ids=lambda s: s.name)
def test_module_begins_with_one_sentence(source: Source) -> None:
    assert source.sentence, f"{source.name} does not say what it is for"
    # A check may be introduced by the question it answers.
    assert source.sentence.endswith((".", "?")), f"{source.name}: the sentence has no end"
    assert not SECOND_SENTENCE.search(source.sentence), f"{source.name}: more than one sentence"


def test_file_table_equals_the_modules() -> None:
    page = PAGE.read_text()
    assert page == page_with_table(page), (
        "Run: .venv/bin/python -m tests.architecture.file_table --fix"
    )
