"""Has mutmut change one module of a copied checkout, and reads what its tests noticed."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from bench.mutating.modules import OPTIONS, Deciding

ROOT = Path(__file__).parents[2]
#: What is no part of the checkout, or large and of no use here.
LEFT_OUT = (
    ".git",
    ".venv",
    "var",
    "mutants",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    ".coverage*",
)
#: mutmut's own words for how the tests ended.
NOTICED = frozenset({1, 3, -11, -9})
#: The change made the tests hang, which is noticed too.
HUNG = frozenset({24, 36, 152, 255, -24})
#: By the clock on the wall, and so long that other work on the machine is not taken for that.
LIMIT = {"timeout_constant": 10.0, "timeout_multiplier": 6.0}
#: Beside other work a whole run is to be nobody's hindrance.
NICENESS = 19


class MutationFailed(Exception):
    """mutmut came to no result: its own words."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no test noticed."""

    name: str
    #: Lines that went and came, as `diff` marks them.
    difference: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of all changes of one module."""

    path: str
    killed: int
    #: Of the killed: those that hung.
    hung: int
    survivors: tuple[Survivor, ...]

    @property
    def mutants(self) -> int:
        return self.killed + len(self.survivors)

    @property
    def killed_percent(self) -> float:
        return 100 * self.killed / self.mutants if self.mutants else 100.0


def copy_checkout(to: Path) -> Path:
    """A tree in which anything may be changed."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return to


def mutate(tree: Path, module: Deciding) -> Result:
    """Change the module in every place, one at a time; raises MutationFailed."""
    shutil.rmtree(tree / "mutants", ignore_errors=True)
    _configure(tree, module)
    done = _mutmut(tree, "run", "--max-children", "1")
    meta = tree / "mutants" / f"{module.path}.meta"
    if done.returncode != 0 or not meta.exists():
        raise MutationFailed(f"{module.path}: {done.stdout[-4000:]}")
    codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
    hung = sum(code in HUNG for code in codes.values())
    missed = sorted(name for name, code in codes.items() if code not in NOTICED | HUNG)
    mutated = meta.with_suffix("")
    survivors = tuple(_survivor(mutated, one) for one in missed)
    return Result(module.path, len(codes) - len(missed), hung, survivors)


def _configure(tree: Path, module: Deciding) -> None:
    original = (ROOT / "pyproject.toml").read_text()
    assert "mutmut" not in tomllib.loads(original).get("tool", {})
    chosen: dict[str, object] = {
        "source_paths": ["bot", "handlers", "jobs", "state"],
        "only_mutate": [module.path],
        "also_copy": ["docs", "README.md"],
        "pytest_add_cli_args": list(OPTIONS),
        "pytest_add_cli_args_test_selection": list(module.tests),
        "use_git_change_detection": False,
        "use_setproctitle": False,
        **LIMIT,
    }
    # JSON's words are TOML's as well.
    lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items()]
    section = "\n".join(("[tool.mutmut]", *lines))
    (tree / "pyproject.toml").write_text(f"{original}\n{section}\n")


def _survivor(mutated: Path, name: str) -> Survivor:
    """mutmut keeps every changed function beside the original, and tells the lines of each."""
    spans = json.loads(mutated.with_name(f"{mutated.name}.spans").read_text())["spans"]
    lines = mutated.read_text().splitlines()
    changed = name.rpartition(".")[2]
    before, after = (
        [line.replace(one, "") for line in lines[spans[one][0] - 1 : spans[one][1]]]
        for one in (f"{changed.rpartition('__mutmut_')[0]}__mutmut_orig", changed)
    )
    difference = [
        f"{line[0]}{line[1:].strip()}"
        for line in unified_diff(before, after, lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    return Survivor(name, " ".join(difference))


def _mutmut(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (str(Path(sys.executable).with_name("mutmut")), *words),
        cwd=tree,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=_be_nice,  # no thread of ours runs beside it
    )


def _be_nice() -> None:
    os.nice(NICENESS)
