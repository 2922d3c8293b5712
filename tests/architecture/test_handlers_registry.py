"""Every handler is declared, and its declaration says what the handler accepts."""

import dataclasses
import importlib
import re

import pytest

from handlers.contract import Declaration, Handler, Kind
from handlers.registry import DECLARATIONS
from tests.architecture.tree import ROOT, assigned_names, sources

TYPES = {Kind.WORD: str, Kind.CHOICE: str, Kind.INTEGER: int, Kind.FLAG: bool, Kind.TEXT: str}

declared = pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda d: d.name)


def test_every_handler_is_declared_in_the_registry() -> None:
    there = {
        source.name.removesuffix(".py").replace("/", ".")
        for source in sources("handlers")
        if "HANDLER" in assigned_names(source.tree)
    }
    listed = {declaration.module for declaration in DECLARATIONS}
    assert there == listed, "declare it in handlers/registry.py: CONTRIBUTING.md, step 2"


def test_names_and_old_names_are_unique() -> None:
    names = [name for d in DECLARATIONS for name in (d.name, *d.aliases)]
    assert len(set(names)) == len(names)


@declared
def test_summary_fits_a_line_of_help(declaration: Declaration) -> None:
    assert 0 < len(declaration.summary) <= 72
    assert not declaration.summary.endswith(".")


@declared
def test_example_is_the_command_itself(declaration: Declaration) -> None:
    assert declaration.example.split()[: len(declaration.name.split())] == declaration.name.split()


@declared
def test_arguments_are_the_declared_parameters(declaration: Declaration) -> None:
    handler = importlib.import_module(declaration.module).HANDLER
    assert isinstance(handler, Handler)
    fields = {field.name: field.type for field in dataclasses.fields(handler.args)}
    parameters = {p.name.replace("-", "_"): TYPES[p.kind] for p in declaration.parameters}
    assert set(fields) == set(parameters)
    for name, type_ in parameters.items():
        assert re.match(rf"{type_.__name__}\b", _spelled(fields[name])), f"{name}: {fields[name]}"


@declared
def test_handler_has_a_test_file(declaration: Declaration) -> None:
    *folders, stem = declaration.module.split(".")
    below = "/".join(folders[1:])
    candidates = (
        ROOT / "tests" / "handlers" / below / f"test_{stem}.py",
        ROOT / "tests" / "handlers" / f"test_{stem}.py",
    )
    assert any(path.is_file() for path in candidates), f"write {candidates[0].relative_to(ROOT)}"


def _spelled(type_: object) -> str:
    return type_.__name__ if isinstance(type_, type) else str(type_)
