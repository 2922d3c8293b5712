"""How long files, functions and folders are, against the limits of the house."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.tree import PACKAGES, ROOT, Source, sources

FILE_SMELL, FILE_LIMIT = 300, 400
FUNCTION_SMELL, FUNCTION_LIMIT = 40, 60
FOLDER_SMELL = 15


@dataclass(frozen=True, slots=True)
class Length:
    """One thing that is longer than it should be."""

    name: str
    size: int
    #: Whether it is past what the house permits, and not only past what it likes.
    too_long: bool
    unit: str = "lines"

    def __str__(self) -> str:
        return f"{self.name}: {self.size} {self.unit}"


def long_things() -> list[Length]:
    """Everything over the smell limits; tests may be long, so they are only named."""
    found = [length for source in sources(*PACKAGES, "bench") for length in _of(source)]
    found += [
        Length(source.name, lines, too_long=False)
        for source in sources("tests")
        if (lines := len(source.text.splitlines())) > FILE_LIMIT
    ]
    folders = Counter(source.path.parent for source in sources(*PACKAGES))
    found += [
        Length(f"{folder.relative_to(ROOT)}/", modules, too_long=False, unit="modules")
        for folder, modules in folders.items()
        if modules > FOLDER_SMELL
    ]
    return found


def _of(source: Source) -> Iterator[Length]:
    lines = len(source.text.splitlines())
    if lines > FILE_SMELL:
        yield Length(source.name, lines, lines > FILE_LIMIT)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_SMELL:
                yield Length(f"{source.name}:{node.name}", lines, lines > FUNCTION_LIMIT)
