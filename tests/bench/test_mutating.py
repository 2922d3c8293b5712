"""The modules that decide are all listed, and their own tests go through every line of them."""

import re
from pathlib import Path

import pytest

from bench.mutating.coverage import Covered, coverage, together
from bench.mutating.modules import MODULES
from tests.architecture.tree import ROOT

PATHS = [module.path for module in MODULES]


def test_whatever_reads_a_command_or_judges_consent_is_listed() -> None:
    """By the names under which such modules lie; the list has more."""
    patterns = (
        *("bot/understanding/*.py", "bot/grammar.py", "bot/**/permissions.py"),
        *("jobs/consent_*.py", "jobs/approvals.py", "jobs/**/grant*.py", "jobs/**/fingerprint.py"),
        "handlers/**/redaction.py",
    )
    found = {path for one in patterns for path in ROOT.glob(one)}
    deciding = {
        str(path.relative_to(ROOT))
        for path in found
        if path.name != "__init__.py" and ".venv" not in path.parts
    }
    assert deciding <= set(PATHS)


def test_each_is_listed_once_and_is_there_with_its_tests() -> None:
    assert len(set(PATHS)) == len(PATHS)
    for module in MODULES:
        assert all((ROOT / path).is_file() for path in (module.path, *module.tests))


def test_the_page_tells_of_each_what_became_of_its_changes() -> None:
    page = (ROOT / "docs" / "mutants.md").read_text()
    assert re.findall(r"^\| `([\w/]+\.py)` \|", page, re.MULTILINE) == PATHS


@pytest.mark.timeout(600)
def test_their_tests_go_through_every_line_and_branch(tmp_path: Path) -> None:
    found = coverage(tmp_path)
    assert list(found) == PATHS
    assert together(found).missed == ()


@pytest.mark.parametrize(("part", "whole", "percent"), [(0, 4, 0), (1, 4, 25), (0, 0, 100)])
def test_a_part_is_told_in_percent(part: int, whole: int, percent: float) -> None:
    covered = Covered(whole, part, whole, part)
    assert (covered.line_percent, covered.branch_percent) == (percent, percent)
