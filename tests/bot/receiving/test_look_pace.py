"""One message takes no more looks than is good for the others, and nobody waits for the first."""

from bot.receiving.look_pace import AT_ONCE, SECONDS_EACH, LookPace

CARD, OTHER = 500, 501


class Walk:
    """A clock that goes on as told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pace = LookPace(lambda: self.now)

    def waits(self, looks: int, message_id: int = CARD) -> list[float]:
        return [self.pace.next_look_at(message_id) - self.now for _ in range(looks)]


def test_the_first_looks_wait_for_nothing() -> None:
    assert Walk().waits(AT_ONCE) == [0.0] * AT_ONCE


def test_in_a_flood_there_is_one_look_every_few_seconds() -> None:
    walk = Walk()
    walk.waits(AT_ONCE)
    assert walk.waits(3) == [SECONDS_EACH, 2 * SECONDS_EACH, 3 * SECONDS_EACH]


def test_a_flood_on_one_message_delays_no_other() -> None:
    walk = Walk()
    walk.waits(100)
    assert walk.waits(1, OTHER) == [0.0]


def test_after_some_quiet_it_is_as_before() -> None:
    walk = Walk()
    walk.waits(AT_ONCE + 1)
    walk.now += (AT_ONCE + 1) * SECONDS_EACH
    assert walk.waits(AT_ONCE) == [0.0] * AT_ONCE
