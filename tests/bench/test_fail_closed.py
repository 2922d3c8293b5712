"""The quick form of the proof that no wrong answer of the server's is ever taken for a yes."""

from pathlib import Path

from bench.closed.answers import ANSWERS
from bench.fail_closed import play

READS = 80


def test_nothing_goes_on_while_what_it_rests_on_cannot_be_read(tmp_path: Path) -> None:
    tally = play(READS, seed=2, folder=tmp_path)

    assert tally.approved == []
    assert tally.total >= READS
    # Else nothing was shown: with right answers each of these plans was started.
    assert tally.started == tally.plans > 0


def test_a_reader_that_helps_itself_is_noticed(tmp_path: Path) -> None:
    tally = play(5, seed=2, folder=tmp_path, credulous=True)

    assert tally.approved
    assert tally.started == 0


def test_answers_of_each_group_have_names_of_their_own() -> None:
    assert len({one.name for one in ANSWERS}) == len(ANSWERS)
    assert {one.group for one in ANSWERS} == {"500", "429", "nothing", "garbage"}
