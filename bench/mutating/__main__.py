"""Tries single modules, for whoever works on their tests: python -m bench.mutating PATH..."""

import sys
import tempfile
from pathlib import Path

from bench.mutants import tried
from bench.mutating.modules import MODULES


def main() -> None:
    known = {module.path: module for module in MODULES}
    unknown = [path for path in sys.argv[1:] if path not in known]
    if unknown:
        sys.exit(f"Not among the modules that decide: {', '.join(unknown)}.")
    with tempfile.TemporaryDirectory(prefix="zulip-ops-mutants-") as folder:
        tried([known[path] for path in sys.argv[1:]], Path(folder))


if __name__ == "__main__":
    main()
