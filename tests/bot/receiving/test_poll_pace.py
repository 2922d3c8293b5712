"""Polls stay below the server's limit, and those that come now and then never wait."""

from hypothesis import given
from hypothesis import strategies as st

from bot.receiving.poll_pace import PollPace

LIMIT = 200


class Walk:
    """A clock that goes on as told, and when polls were made."""

    def __init__(self) -> None:
        self.now = 0.0
        self.polls: list[float] = []
        self.waits: list[float] = []
        self.pace = PollPace(lambda: self.now)

    def poll_after(self, seconds: float) -> None:
        self.now += seconds
        wait = self.pace.wait_for_next().total_seconds()
        self.now += wait
        self.waits.append(wait)
        self.polls.append(self.now)


def test_a_command_each_second_never_waits() -> None:
    walk = Walk()
    for _ in range(600):
        for pause in (0.97, 0.02, 0.01):
            walk.poll_after(pause)
    assert max(walk.waits) == 0


@given(st.lists(st.floats(0, 2), min_size=1, max_size=400))
def test_no_minute_has_more_polls_than_the_server_allows(pauses: list[float]) -> None:
    walk = Walk()
    for pause in pauses:
        walk.poll_after(pause / 20)
    for first in walk.polls:
        assert sum(first <= one < first + 60 for one in walk.polls) <= LIMIT - 1
    assert max(walk.waits) < 0.34
