"""Every check is in the registry of checks, and says what it is."""

import ast
import importlib

import pytest

from handlers.checks import registry
from handlers.checks.contract import Check
from tests.architecture.tree import ROOT, assigned_names, sources


def test_every_check_is_in_the_registry() -> None:
    declared = {
        source.path.stem
        for source in sources("handlers/checks")
        if "CHECK" in assigned_names(source.tree)
    }
    listed = {
        name.name
        for node in ast.walk(ast.parse((ROOT / "handlers/checks/registry.py").read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "handlers.checks"
        for name in node.names
    }
    assert declared == listed
    assert len(registry.CHECKS) == len(declared)


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in registry.CHECKS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("check", registry.CHECKS, ids=lambda check: check.name)
def test_check_is_called_like_its_file_and_sums_itself_up(check: Check) -> None:
    module = importlib.import_module(f"handlers.checks.{check.name}")
    assert module.CHECK is check
    assert len(check.summary) <= 72
    assert not check.summary.endswith(".")
