"""How much of the modules that decide their tests go through, and how many changes they notice."""

import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.mutating.coverage import coverage, together
from bench.mutating.modules import MODULES, Deciding
from bench.mutating.mutation import Result, copy_checkout, mutate
from bench.report import Figure, arguments, report

#: So many modules are tried without `--full`.
FEW = 3


def main() -> None:
    given = arguments()
    started = time.monotonic()
    chosen = MODULES if given.full else random.Random(given.seed).sample(MODULES, FEW)
    with tempfile.TemporaryDirectory(prefix="zulip-ops-mutants-") as folder:
        covered = together(coverage(Path(folder)))
        _tell(covered.missed)
        results = tried(chosen, Path(folder))
    mutants = sum(one.mutants for one in results)
    killed = sum(one.killed for one in results)
    report(
        "mutants",
        {
            "line_coverage_percent": Figure(round(covered.line_percent, 2), "== 100"),
            "branch_coverage_percent": Figure(round(covered.branch_percent, 2), "== 100"),
            "killed_percent": Figure(round(100 * killed / mutants, 2), ">= 95"),
            "mutants": Figure(mutants, "told"),
            "survivors": Figure(mutants - killed, "told"),
            "hung": Figure(sum(one.hung for one in results), "told"),
            "modules": Figure(len(results), "told"),
            "wall_seconds": Figure(round(time.monotonic() - started), "<= 2700"),
        },
    )


def tried(modules: Sequence[Deciding], folder: Path) -> list[Result]:
    """Each module in turn, in a copy of the checkout; what survives is told on standard error."""
    tree = copy_checkout(folder / "tree")
    results = []
    for module in modules:
        result = mutate(tree, module)
        results.append(result)
        _tell([_row(result)])
        _tell([f"  {one.name.rpartition('.')[2]}: {one.difference}" for one in result.survivors])
    return results


def _row(result: Result) -> str:
    """As the table of docs/mutants.md has it."""
    numbers = (result.mutants, result.killed, f"{result.killed_percent:.1f}")
    return f"| `{result.path}` | {' | '.join(map(str, numbers))} |"


def _tell(lines: Sequence[str]) -> None:
    for line in lines:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
