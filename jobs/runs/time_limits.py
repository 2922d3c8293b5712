"""How long a run may take: its own limit, and the outer one in case it cannot keep that."""

from datetime import timedelta

from handlers.contract import Declaration
from handlers.registry import declaration
from jobs.journal import PLAN, RunSpec

#: A plan looks and asks; it has no long work to do.
PLAN_TIME_LIMIT = timedelta(minutes=10)
#: What a run that keeps its own limit needs to end in order.
OUTER_MARGIN = timedelta(minutes=2)


def own_limit(mode: str, operation: Declaration) -> timedelta:
    """After it the run ends itself, and tells so."""
    return PLAN_TIME_LIMIT if mode == PLAN else operation.time_limit


def outer_limit(spec: RunSpec, declarations: tuple[Declaration, ...]) -> timedelta:
    """After it the run is ended, whatever it does; what is not on the list ends soon by itself."""
    try:
        own = own_limit(spec.mode, declaration(spec.operation, declarations))
    except KeyError:
        own = timedelta(0)
    return own + OUTER_MARGIN
