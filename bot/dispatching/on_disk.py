"""Takes in what others leave on the host's disk: rounds of observations, and runs of root's."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from bot.deciding.adoption import Foreign, adopt, find_foreign
from bot.deciding.decisions import Decisions
from bot.deciding.effects import Effect
from bot.deciding.rounds import keep_round
from jobs.observing.facts import FactsError, Round, read_facts
from state.database import Database, Transaction

_logger = logging.getLogger(__name__)

Decide = Callable[[Transaction, datetime], tuple[Effect, ...]]


class OnDisk:
    """Remembers what it has taken in already."""

    def __init__(self, state_directory: Path) -> None:
        self._state_directory = state_directory
        #: Folders of runs that were looked at since the start.
        self._seen_folders: set[str] = set()
        self._kept_round: datetime | None = None

    def facts(self) -> Round | None:
        """The newest round of observations; None where there is none that can be read."""
        try:
            return read_facts(self._state_directory)
        except FactsError as error:
            _logger.error("%s", error.message)
            return None

    def keep_round(self, database: Database) -> None:
        """Each round goes into the history of checks, once."""
        facts = self.facts()
        if facts is None or facts.started_at == self._kept_round:
            return
        with database.write() as tx:
            keep_round(tx, facts)
        self._kept_round = facts.started_at

    def adopt(self, decisions: Decisions, decide: Callable[[Decide], None]) -> None:
        """Make jobs of the runs that root made while nobody was here to be asked."""
        # Once it is told it is known; until then it is found again.
        seen = set(self._seen_folders)
        for foreign in find_foreign(self._state_directory / "runs", seen):
            decide(partial(_adopt, decisions, foreign))
        self._seen_folders = seen


def _adopt(
    decisions: Decisions, foreign: Foreign, tx: Transaction, now: datetime
) -> tuple[Effect, ...]:
    adopt(tx, foreign, decisions.engine, decisions.following, now)
    return ()
