"""Imports go downwards only, and each outside library has one door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, Source, imported, sources

#: Which files may import a library; a name that ends in a slash is a folder.
DOORS: dict[str, tuple[str, ...]] = {
    "aiohttp": ("bot/demo/",),
    "alembic": ("state/",),
    "apscheduler": ("jobs/scheduler.py",),
    "boto3": ("handlers/host/object_store.py",),
    "botocore": ("handlers/host/object_store.py",),
    "click": ("bot/grammar.py", "bot/__main__.py"),
    "psycopg2": ("handlers/host/postgres.py",),
    "pydantic": ("jobs/configuration_file.py",),
    "pyrage": ("handlers/host/age.py",),
    "requests": ("bot/zulip_client.py",),
    "sqlalchemy": ("state/",),
    "subprocess": ("handlers/host/processes.py",),
    "zulip": ("bot/zulip_client.py",),
    "zulip_bots": ("bot/zulip_bots_adapter.py",),
}

modules = pytest.mark.parametrize("source", sources(*PACKAGES), ids=lambda s: s.name)


def test_the_import_rule_holds() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        (program, "--no-cache"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("library", sorted(DOORS))
def test_library_is_imported_by_its_door_and_by_nobody_else(library: str) -> None:
    importers = {
        source.name
        for source in sources(*PACKAGES)
        if any(name.partition(".")[0] == library for name in source.imports())
    }
    strangers = {name for name in importers if not name.startswith(DOORS[library])}
    assert not strangers, f"{library} belongs behind {DOORS[library]}"
    unused = [door for door in DOORS[library] if not any(n.startswith(door) for n in importers)]
    assert not unused, f"{library} has a door that nobody goes through: {unused}"


@modules
def test_nothing_of_ours_is_imported_inside_a_function(source: Source) -> None:
    inside = {
        name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for name in imported(node)
        if name.partition(".")[0] in PACKAGES
    }
    assert not inside, f"{source.name}: the arrow is wrong: {sorted(inside)}"


@modules
def test_no_import_is_for_type_checking_only(source: Source) -> None:
    words = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    assert "TYPE_CHECKING" not in words, f"{source.name}: the arrow is wrong"


@modules
def test_imports_are_absolute(source: Source) -> None:
    relative = [n for n in ast.walk(source.tree) if isinstance(n, ast.ImportFrom) and n.level]
    assert not relative, f"{source.name}: write the whole name"
