"""The pages that others point to are there, and what they promise exists."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/glossary.md",
    "docs/job-lifecycle.md",
    "docs/dependencies.md",
    "docs/figures.md",
    "docs/mutants.md",
    "docs/operations.md",
    "docs/security.md",
)
DECISIONS = ROOT / "docs" / "decisions"
LINK = re.compile(r"\]\((?!https?://|#|mailto:)(?P<target>[^)#\s]+)")
MENTIONED = re.compile(r"`((?:bot|jobs|handlers|state|bench|bin|docs|deploy|tests)/[\w./-]+)`")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_there(name: str) -> None:
    assert (ROOT / name).read_text().startswith("# ")


@pytest.mark.parametrize(
    "page",
    sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")),
    ids=lambda path: path.name,
)
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text()
    missing = [m["target"] for m in LINK.finditer(text) if not (page.parent / m["target"]).exists()]
    missing += [name for name in MENTIONED.findall(text) if not (ROOT / name).exists()]
    assert not missing


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted(DECISIONS.glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("page", sorted(DECISIONS.glob("*.md")), ids=lambda path: path.stem)
def test_decision_says_context_decision_and_consequences(page: Path) -> None:
    heads = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert heads == ["Context", "Decision", "Consequences"]


def test_the_readme_begins_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    first_block = text.split("```")[1]
    assert re.findall(r"^bin/\w+", first_block, re.MULTILINE) == ["bin/demo", "bin/test"]


def test_every_dependency_is_explained() -> None:
    project = (ROOT / "pyproject.toml").read_text().partition("[project.scripts]")[0]
    named = set(re.findall(r'^    "([A-Za-z0-9-]+)', project, re.MULTILINE))
    page = (ROOT / "docs" / "dependencies.md").read_text()
    assert not {name for name in named if f"`{name}`" not in page}


def test_architecture_can_be_read_in_one_sitting() -> None:
    prose = (ROOT / "ARCHITECTURE.md").read_text().partition("<!-- file table: begin")[0]
    assert len(prose.splitlines()) <= 150
