"""The quick form of the proof that nothing starts without consent."""

from pathlib import Path

from bench.approvals import play

STORIES = 60


def test_no_story_starts_anything_that_the_oracle_calls_illegal(tmp_path: Path) -> None:
    outcome = play(STORIES, seed=1, directory=tmp_path)

    assert (outcome.runs, outcome.illegal) == (STORIES, 0)
    # Else it would prove nothing.
    assert outcome.starts > STORIES / 4
