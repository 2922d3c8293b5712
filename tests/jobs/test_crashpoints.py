"""A process that is asked to dies at the named place, and only there."""

import os
import signal
import subprocess
import sys

import pytest

from jobs.runs.crashpoints import CRASH_AT, DIED_AT, POINTS, environment

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
        ("run_ended,lock_taken", False, True),
        ("run_begun:2,lock_taken:2", False, False),
    ],
)
def test_it_dies_the_time_it_is_asked_for(crash_at: str, twice: bool, dies: bool) -> None:
    expected = -signal.SIGKILL if dies else 0
    assert passes(twice=twice, crash_at=crash_at) == expected


def test_whoever_dies_names_the_first_of_its_places_that_it_came_to() -> None:
    died = subprocess.run(
        (sys.executable, "-c", PASSES),
        env={**os.environ, CRASH_AT: "lock_taken,run_begun"},
        stderr=subprocess.PIPE,
        check=False,
    )
    assert died.stderr.decode() == f"{DIED_AT}run_begun\n"


def test_a_second_run_has_one_passing_less_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment() == {}
    # However many runs this process has started before.
    monkeypatch.setenv(CRASH_AT, "run_begun:1000")
    counts = [int(environment()[CRASH_AT].partition(":")[2]) for _ in range(2)]
    assert counts[0] - counts[1] == 1


def test_what_only_the_second_run_passes_kills_it_the_first_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CRASH_AT, "lock_taken,run_ended:2")
    for _ in range(10):
        given = environment()[CRASH_AT]
    assert given == "lock_taken:1,run_ended:1"


def test_no_two_points_have_one_name() -> None:
    assert len(set(POINTS)) == len(POINTS)
