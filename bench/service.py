"""Whether deploy/zulip-ops.service does on a booted systemd what docs/operations.md says of it."""

import argparse
import os
import sys
from pathlib import Path

from bench.booted.container import figures_found_inside, missing_programs
from bench.booted.goals import GOALS
from bench.booted.tree import CACHE, prepare
from bench.report import Figure, arguments, report
from handlers.errors import HostFailure


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--tree", type=Path, default=CACHE)
    given, others = parser.parse_known_args()
    # Nothing here is drawn by lot, and there is only one size.
    arguments(others)
    if os.geteuid() != 0:
        sys.exit("zulip-ops: only root can boot a system in a folder")
    if missing := missing_programs():
        sys.exit(
            f"zulip-ops: missing here: {', '.join(missing)};"
            " run: apt-get install debootstrap systemd-container git"
        )
    try:
        prepare(given.tree)
        found = figures_found_inside(given.tree)
    except HostFailure as failure:
        sys.exit(f"zulip-ops: {failure.message}\n{failure.tail}")
    report("service", {name: Figure(found.get(name), goal) for name, goal in GOALS.items()})


if __name__ == "__main__":
    main()
