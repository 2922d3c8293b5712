"""The bot with `synchronous=NORMAL`: what it acknowledges may be forgotten when the power fails."""

import sys

from bot.__main__ import main
from state import connections

connections.PRAGMAS = tuple(
    pragma.replace("synchronous=FULL", "synchronous=NORMAL") for pragma in connections.PRAGMAS
)

if __name__ == "__main__":
    sys.exit(main())
