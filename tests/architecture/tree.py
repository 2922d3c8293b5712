"""The source files of the project as the architecture tests look at them."""

import ast
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "jobs", "handlers", "state")


@dataclass(frozen=True)
class Source:
    """One Python file of ours."""

    path: Path

    @property
    def name(self) -> str:
        """Its path below the checkout, as people write it."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        return self.path.relative_to(ROOT).parts[0]

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def sentence(self) -> str:
        """The first paragraph of its docstring, on one line; formats may be told below it."""
        return " ".join((ast.get_docstring(self.tree) or "").partition("\n\n")[0].split())

    def imports(self) -> Iterator[str]:
        """Dotted names of everything it imports, also inside functions."""
        yield from imported(self.tree)


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def sources(*folders: str) -> list[Source]:
    """All Python files below these folders, in the order of their paths."""
    return [
        _source(path)
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


@cache
def _source(path: Path) -> Source:
    """One object a file, so that each is parsed once."""
    return Source(path)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git on the checkout, whoever owns it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(
        ("git", "-c", f"safe.directory={ROOT}", *arguments),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def committed_files() -> list[Path]:
    """What a clone would hold."""
    listed = git("ls-files", "-z")
    assert listed.returncode == 0, listed.stderr
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def assigned_names(tree: ast.Module) -> set[str]:
    """The constants that a module declares at its top level."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names
