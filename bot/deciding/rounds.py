"""Keeps each round of observations in the history of checks."""

from handlers.contract import JSON
from jobs.observing.facts import Round
from state import check_store
from state.database import Transaction

#: A week of rounds, one a minute.
ROUNDS_KEPT = 7 * 24 * 60


def keep_round(tx: Transaction, seen: Round) -> bool:
    """False when this round was kept before."""
    facts: dict[str, JSON] = {
        name: {
            "at": fact.at.isoformat(),
            "level": fact.level.value,
            "sentence": fact.sentence,
            "values": dict(fact.values),
        }
        for name, fact in seen.facts.items()
    }
    kept = check_store.record_round(tx, check_store.Round(seen.started_at, seen.ended_at, facts))
    check_store.prune(tx, ROUNDS_KEPT)
    return kept
