"""The bot with `synchronous=NORMAL`: what it acknowledges may be forgotten when the power fails."""

import sys

from bot.__main__ import main
from state import database

database.PRAGMAS = tuple(
    pragma.replace("synchronous=FULL", "synchronous=NORMAL") for pragma in database.PRAGMAS
)

if __name__ == "__main__":
    sys.exit(main())
