"""How SQLite means to find what a function asks for."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from state.database import Transaction


@contextmanager
def recorded_plans(tx: Transaction) -> Iterator[list[str]]:
    """The lines of EXPLAIN QUERY PLAN of every SELECT inside."""
    seen: list[tuple[str, tuple[object, ...]]] = []
    plans: list[str] = []

    def before(
        _c: object, _k: object, statement: str, values: tuple[object, ...], *_: object
    ) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, values))

    event.listen(tx, "before_cursor_execute", before)
    try:
        yield plans
    finally:
        event.remove(tx, "before_cursor_execute", before)
    for statement, values in seen:
        explained = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        plans.extend(row[3] for row in explained)
