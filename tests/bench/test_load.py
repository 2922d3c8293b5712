"""The proofs of sending, catching up and bursts, in a size that fits between other tests."""

from pathlib import Path
from random import Random

from bench import burst, catchup, sending
from bench.load import flood, gap
from bot.demo.stage import Stage


def test_messages_come_once_and_in_order_with_every_third_answer_ambiguous(tmp_path: Path) -> None:
    found = sending.measure(tmp_path, messages=60, seed=3)
    assert (found.duplicates, found.missing, found.out_of_order) == (0, 0, 0)
    assert found.ambiguous >= 6


def test_a_gap_is_caught_up_with_and_no_trap_is_run(loaded: Stage) -> None:
    loaded.zulip.set_rate_limit(100_000)
    found = catchup.measure(loaded, gap.Size(messages=600, commands=8, traps=51), Random(5))
    assert (found.run, found.wrong) == (8, 0)


def test_a_burst_is_answered_up_to_the_limit_and_told_beyond_it(loaded: Stage) -> None:
    size = flood.Size(commands=60, seconds=3, people=3)
    found = burst.measure(loaded, size, Random(7), recounted=False)
    assert (found.unanswered, found.exits, found.taken) == (0, 0, 30)
    assert found.refused() == 0
    assert found.approval_seconds < 10
