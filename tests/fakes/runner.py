"""The real runner, with the fake operations on its list; started by its path."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    # An isolated interpreter looks nowhere else for the tests.
    sys.path.insert(0, ROOT)

from jobs.runner import main  # noqa: E402 (after the path is set)
from tests.fakes.operations import DECLARATIONS  # noqa: E402 (after the path is set)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], DECLARATIONS))
