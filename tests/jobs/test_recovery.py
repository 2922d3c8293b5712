"""Every combination of what a run may have left has one verdict."""

from itertools import product

import pytest

from jobs.launcher import RunStatus
from jobs.recovery import OpenRun, Verdict, evidence, verdict

BOOLEANS = (False, True)
COMBINATIONS = list(product(BOOLEANS, repeat=7))


@pytest.mark.parametrize("flags", COMBINATIONS, ids=lambda f: "".join(str(int(b)) for b in f))
def test_every_combination_has_the_verdict_of_the_first_rule_that_fits(
    flags: tuple[bool, ...],
) -> None:
    leaves_traces, this_boot, known, begun, alive, ended, same_boot = flags
    status = RunStatus(known=known, begun=begun, alive=alive, ended=ended, same_boot=same_boot)

    if ended:
        expected = Verdict.TAKE_IN
    elif alive:
        expected = Verdict.FOLLOW
    elif not begun:
        expected = Verdict.START if this_boot else Verdict.FAIL
    else:
        expected = Verdict.INTERRUPT if leaves_traces else Verdict.FAIL

    assert verdict(OpenRun(leaves_traces, this_boot), status) is expected


NOTHING = RunStatus()
BEGUN = RunStatus(known=True, begun=True, same_boot=True)


@pytest.mark.parametrize(
    ("run", "status", "expected"),
    [
        pytest.param(OpenRun(True, True), NOTHING, Verdict.START, id="intended, then we died"),
        pytest.param(
            OpenRun(True, True), RunStatus(known=True), Verdict.START, id="only the folder is made"
        ),
        pytest.param(OpenRun(True, False), NOTHING, Verdict.FAIL, id="intended, then power loss"),
        pytest.param(OpenRun(True, True), BEGUN, Verdict.INTERRUPT, id="a change was killed"),
        pytest.param(OpenRun(False, True), BEGUN, Verdict.FAIL, id="a look or a plan was killed"),
        pytest.param(
            OpenRun(True, True),
            RunStatus(known=True, begun=True),
            Verdict.INTERRUPT,
            id="power loss during a change",
        ),
        pytest.param(
            OpenRun(True, True),
            RunStatus(known=True, begun=True, alive=True, same_boot=True),
            Verdict.FOLLOW,
            id="only we had died",
        ),
        pytest.param(
            OpenRun(True, False),
            RunStatus(known=True, begun=True, ended=True),
            Verdict.TAKE_IN,
            id="it had ended before the power loss",
        ),
        pytest.param(
            OpenRun(True, True),
            RunStatus(known=True, begun=True, alive=True, ended=True, same_boot=True),
            Verdict.TAKE_IN,
            id="it is just going",
        ),
        pytest.param(
            OpenRun(True, True),
            RunStatus(known=True, begun=True, same_boot=True, left_over=2),
            Verdict.INTERRUPT,
            id="its tools run on without it",
        ),
    ],
)
def test_the_cases_that_happen(run: OpenRun, status: RunStatus, expected: Verdict) -> None:
    assert verdict(run, status) is expected


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (NOTHING, "never begun"),
        (RunStatus(known=True, begun=True), "machine was restarted"),
        (BEGUN, "was killed before it could write a result."),
        (RunStatus(known=True, begun=True, same_boot=True, left_over=2), "2 of the processes"),
    ],
)
def test_the_evidence_is_said_in_a_sentence(status: RunStatus, said: str) -> None:
    assert said in evidence(status)
