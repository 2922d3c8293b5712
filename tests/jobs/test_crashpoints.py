"""A process that is asked to dies at the named place, and only there."""

import os
import signal
import subprocess
import sys

import pytest

from jobs.runs.crashpoints import CRASH_AT, POINTS, environment

PASSES = "from jobs.runs.crashpoints import crashpoint as at; at('run_begun'); at('lock_taken');"


def passes(*, twice: bool = False, crash_at: str | None = None) -> int:
    """The exit code of a process that passes two points, or the two twice."""
    more = {} if crash_at is None else {CRASH_AT: crash_at}
    program = PASSES * (2 if twice else 1)
    return subprocess.run(
        (sys.executable, "-c", program), env={**os.environ, **more}, check=False
    ).returncode


def test_nobody_dies_who_is_not_asked_to() -> None:
    assert passes() == 0


@pytest.mark.parametrize(
    ("crash_at", "twice", "dies"),
    [
        ("lock_taken", False, True),
        ("lock_taken:1", False, True),
        ("lock_taken:2", False, False),
        ("lock_taken:2", True, True),
        ("run_ended", True, False),
    ],
)
def test_it_dies_the_time_it_is_asked_for(crash_at: str, twice: bool, dies: bool) -> None:
    expected = -signal.SIGKILL if dies else 0
    assert passes(twice=twice, crash_at=crash_at) == expected


def test_a_second_run_has_one_passing_less_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment() == {}
    monkeypatch.setenv(CRASH_AT, "run_begun:3")
    counts = [int(environment()[CRASH_AT].partition(":")[2]) for _ in range(2)]
    assert counts[0] - counts[1] == 1


def test_no_two_points_have_one_name() -> None:
    assert len(set(POINTS)) == len(POINTS)
