"""How the calls of a minute are shared: acknowledgements, approvals, answers, progress."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sending.pacing import CALLS_A_MINUTE, Allowance

ACKNOWLEDGEMENT, APPROVAL, ANSWER, PROGRESS = range(4)
NO_WAIT = timedelta(0)


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_command_each_second_gets_its_eyes_at_once_for_minutes() -> None:
    watch = Watch()
    allowance = Allowance(now=watch)
    answers_waiting = 0
    for second in range(600):
        watch.seconds = 1000.0 + second
        assert allowance.take(ACKNOWLEDGEMENT) == NO_WAIT, f"in second {second}"
        answers_waiting += 1
        while answers_waiting and allowance.take(ANSWER) == NO_WAIT:
            answers_waiting -= 1
    # They are slower, and go on being sent.
    assert 0 < answers_waiting < 450


@pytest.mark.parametrize("flood", [ACKNOWLEDGEMENT, ANSWER, PROGRESS])
def test_no_flood_shuts_approvals_out(flood: int) -> None:
    allowance = Allowance(now=Watch())
    while allowance.take(flood) == NO_WAIT:
        pass

    assert [allowance.take(APPROVAL) for _ in range(10)] == [NO_WAIT] * 10


@given(
    asked=st.lists(st.tuples(st.integers(ACKNOWLEDGEMENT, PROGRESS), st.floats(0, 5)), max_size=400)
)
def test_never_more_calls_than_allowed_in_any_minute(asked: list[tuple[int, float]]) -> None:
    watch = Watch()
    allowance = Allowance(now=watch)
    made: list[float] = []
    for priority, pause in asked:
        watch.seconds += pause
        wait = allowance.take(priority)
        if wait:
            # What is told is long enough: after it, the call may go.
            watch.seconds += wait.total_seconds() + 0.001
            assert allowance.take(priority) == NO_WAIT
        made.append(watch.seconds)
    for number, at in enumerate(made):
        assert sum(at <= one < at + 60 for one in made[number:]) <= CALLS_A_MINUTE
