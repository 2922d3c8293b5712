"""Measures how much of the modules that decide their own tests go through."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.mutating.modules import MODULES, OPTIONS

ROOT = Path(__file__).parents[2]


class TestsFailed(Exception):
    """Nothing can be said of tests that fail: their own words."""


@dataclass(frozen=True, slots=True)
class Covered:
    """Of one module or of all."""

    lines: int
    covered_lines: int
    branches: int
    covered_branches: int
    #: What no test came to: lines, and ways from one line to another.
    missed: tuple[str, ...] = ()

    @property
    def line_percent(self) -> float:
        return _percent(self.covered_lines, self.lines)

    @property
    def branch_percent(self) -> float:
        return _percent(self.covered_branches, self.branches)


def coverage(folder: Path) -> dict[str, Covered]:
    """By path; the figures are of the library of the same name. Raises TestsFailed."""
    paths = [module.path for module in MODULES]
    tests = sorted({one for module in MODULES for one in module.tests})
    data, report = folder / "coverage", folder / "coverage.json"
    ran = _coverage(
        ("run", "--branch", f"--data-file={data}", f"--include={','.join(paths)}"),
        ("-m", "pytest", "-q", *OPTIONS, *tests),
    )
    if ran.returncode != 0:
        raise TestsFailed(ran.stdout[-4000:])
    _coverage(("json", f"--data-file={data}", "-o", str(report)))
    found = json.loads(report.read_text())["files"]
    return {path: _covered(path, found[path]) for path in paths if path in found}


def together(found: Mapping[str, Covered]) -> Covered:
    """All of them as one."""
    return Covered(
        sum(one.lines for one in found.values()),
        sum(one.covered_lines for one in found.values()),
        sum(one.branches for one in found.values()),
        sum(one.covered_branches for one in found.values()),
        tuple(each for one in found.values() for each in one.missed),
    )


def _covered(path: str, told: dict[str, Any]) -> Covered:
    summary = told["summary"]
    lines = [f"{path}:{line}" for line in told["missing_lines"]]
    branches = [f"{path}:{start} to {end}" for start, end in told["missing_branches"]]
    return Covered(
        summary["num_statements"],
        summary["covered_lines"],
        summary["num_branches"],
        summary["covered_branches"],
        (*lines, *branches),
    )


def _coverage(*words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "coverage", *(word for part in words for word in part)),
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0
