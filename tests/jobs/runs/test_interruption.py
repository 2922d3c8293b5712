"""A run says what ended it, not what followed from that."""

import pytest

from handlers.errors import Cancelled, HostFailure, OpsError, Reason, Refused
from jobs.runs.interruption import what_ended_it

TOOL = HostFailure("`pg_dump` was ended by signal 15.", tail="half a dump")
STALE = Refused("The plan is another one.", reason=Reason.PLAN_CHANGED)
LATE = HostFailure("It took too long.", reason=Reason.TIME_LIMIT)


@pytest.mark.parametrize("failure", [Cancelled(), TOOL, STALE, LATE])
@pytest.mark.parametrize("memory_ran_out", [True, False])
def test_whatever_comes_after_a_wish_of_ours_to_end_it_was_cancelled(
    failure: OpsError, *, memory_ran_out: bool
) -> None:
    told = what_ended_it(failure, is_cancelled=True, memory_ran_out=memory_ran_out)

    assert told.reason is Reason.CANCELLED


@pytest.mark.parametrize("failure", [Cancelled(), TOOL, LATE])
def test_want_of_memory_goes_before_what_followed_from_it(failure: OpsError) -> None:
    told = what_ended_it(failure, is_cancelled=False, memory_ran_out=True)

    assert told.reason is Reason.OUT_OF_MEMORY
    assert isinstance(told, HostFailure)
    assert told.tail == ("half a dump" if failure is TOOL else "")


def test_an_end_that_nobody_of_ours_wanted_came_from_outside() -> None:
    told = what_ended_it(Cancelled(), is_cancelled=False, memory_ran_out=False)

    assert told.reason is Reason.TERMINATED
    assert "not by zulip-ops" in told.message


@pytest.mark.parametrize("failure", [TOOL, STALE, LATE])
def test_any_other_failure_is_told_as_it_is(failure: OpsError) -> None:
    assert what_ended_it(failure, is_cancelled=False, memory_ran_out=False) is failure
