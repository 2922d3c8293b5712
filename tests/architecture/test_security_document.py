"""docs/security.md has each attack once, with a test that exists or with a reason."""

import ast
import re
from dataclasses import dataclass

import pytest

from tests.architecture.tree import ROOT

PAGE = ROOT / "docs" / "security.md"
ATTACKS = [f"A{number}" for number in range(1, 55)]
SECTIONS = {
    "Identity": range(1, 15),
    "Content, edits and moves": range(15, 32),
    "Reactions": range(32, 42),
    "Replay, time, state": range(42, 50),
    "Privilege and supply": range(50, 55),
}
#: Everything that a test is named with: a file and a function in it.
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NUMBERED = re.compile(r"test_a(\d\d)_")
SHORTEST_REASON_WORDS = 4


@dataclass(frozen=True)
class Row:
    """One attack as the page tells it."""

    section: str
    number: str
    attack: str
    defence: str
    proof: str

    @property
    def tests(self) -> list[tuple[str, str]]:
        return TEST.findall(self.proof)


def rows() -> list[Row]:
    found, section = [], ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif re.match(r"\| A\d+ \|", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found.append(Row(section, *cells))
    return found


def functions(file: str) -> set[str]:
    """The tests that a file holds, also those in classes."""
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_attack_is_there_once_in_its_section() -> None:
    assert [row.number for row in rows()] == ATTACKS
    for section, numbers in SECTIONS.items():
        assert [r.number for r in rows() if r.section == section] == [f"A{n}" for n in numbers]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.number)
def test_an_attack_has_a_defence_and_a_test_or_a_reason(row: Row) -> None:
    assert row.attack
    assert row.defence
    if not row.tests:
        assert row.proof.startswith("None: ")
        assert len(row.proof.split()) > SHORTEST_REASON_WORDS
    for file, name in row.tests:
        assert (ROOT / file).is_file(), file
        assert name in functions(file), f"{file} has no {name}"


def test_every_named_attack_test_is_told_of() -> None:
    told = {test for row in rows() for test in row.tests}
    for path in sorted((ROOT / "tests" / "attacks").rglob("test_*.py")):
        file = path.relative_to(ROOT).as_posix()
        for name in functions(file):
            numbered = NUMBERED.match(name)
            if numbered:
                row = next(r for r in rows() if r.number == f"A{int(numbered[1])}")
                assert (file, name) in told, f"the page does not name {file}::{name}"
                assert (file, name) in row.tests, f"{name} stands beside another attack"
