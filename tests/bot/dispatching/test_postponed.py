"""What the database refuses is done later, in order and once, and said once a minute."""

import logging
from functools import partial

import pytest

from bot.dispatching.postponed import Postponed
from state.database import DatabaseUnusable

REFUSED = DatabaseUnusable("The disk is full: free space.")


class Desk:
    """Writes down what is done, while the database takes it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.takes = False
        self.now = 1000.0
        self.postponed = Postponed(lambda _lasted: self.do("recover"), lambda: self.now)

    def do(self, work: str) -> None:
        if not self.takes:
            raise REFUSED
        self.done.append(work)

    def try_after(self, seconds: float) -> None:
        self.now += seconds
        self.postponed.try_again()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_waits_is_done_in_order_and_recovery_is_last(desk: Desk) -> None:
    desk.postponed.refused(REFUSED)
    for work in ("first", "second"):
        desk.postponed.keep(partial(desk.do, work))
    desk.takes = True
    desk.try_after(seconds=1)
    assert desk.done == []
    desk.try_after(seconds=1)
    assert desk.done == ["first", "second", "recover"]
    assert not desk.postponed.is_refused


def test_what_is_refused_again_stays_in_its_place(desk: Desk) -> None:
    desk.postponed.refused(REFUSED)
    desk.postponed.keep(partial(desk.do, "first"))
    desk.try_after(seconds=2)
    assert desk.postponed.is_refused
    desk.takes = True
    desk.try_after(seconds=2)
    assert desk.done == ["first", "recover"]


def test_it_is_said_at_once_and_once_a_minute(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(60):
        desk.postponed.refused(REFUSED)
        desk.now += 2
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.CRITICAL]
    assert len(said) == 2
    assert said[0].startswith("The disk is full: free space. Until then no command is taken in")
