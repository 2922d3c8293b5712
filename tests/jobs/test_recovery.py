"""Every combination of what a run may have left has one verdict."""

from itertools import product
from pathlib import Path

import pytest

from handlers.contract import IF_LOST
from handlers.host.redaction import Redactor
from jobs.clock import SystemClock
from jobs.launcher import RunStatus
from jobs.recovery import OpenRun, Verdict, evidence, last_word, may_have_begun, verdict
from jobs.runs.journal_writer import JournalWriter
from jobs.runs.run_folder import RunFolder
from jobs.runs.run_unit import UnitEnd

BOOLEANS = (False, True)
COMBINATIONS = list(product(BOOLEANS, repeat=8))


@pytest.mark.parametrize("flags", COMBINATIONS, ids=lambda f: "".join(str(int(b)) for b in f))
def test_every_combination_has_the_verdict_of_the_first_rule_that_fits(
    flags: tuple[bool, ...],
) -> None:
    leaves_traces, this_boot, was_started, known, begun, alive, ended, same_boot = flags
    status = RunStatus(known=known, begun=begun, alive=alive, ended=ended, same_boot=same_boot)

    if ended:
        expected = Verdict.TAKE_IN
    elif alive:
        expected = Verdict.FOLLOW
    elif not begun and (known or not was_started):
        expected = Verdict.START if this_boot else Verdict.FAIL
    else:
        expected = Verdict.INTERRUPT if leaves_traces else Verdict.FAIL

    assert verdict(OpenRun(leaves_traces, this_boot, was_started), status) is expected


@pytest.mark.parametrize(
    ("was_started", "status", "may_have"),
    [
        pytest.param(False, RunStatus(), False, id="no start came about"),
        pytest.param(True, RunStatus(known=True), False, id="nobody claimed its folder"),
        pytest.param(True, RunStatus(), True, id="its folder has gone"),
        pytest.param(False, RunStatus(known=True, begun=True), True, id="begun, unrecorded"),
        pytest.param(True, RunStatus(known=True, begun=True), True, id="begun"),
    ],
)
def test_only_a_claimed_folder_or_one_that_has_gone_may_have_done_anything(
    was_started: bool, status: RunStatus, may_have: bool
) -> None:
    assert may_have_begun(status, was_started=was_started) is may_have


TWO = ("pg_dump (12)", "sh (13)")


def with_unit(result: str, code: str, status: str) -> RunStatus:
    end = UnitEnd(result, code, status)
    return RunStatus(known=True, begun=True, same_boot=True, unit_end=end)


#: A run that carries a plan out, and one that looks or plans; and one whose start is recorded.
CHANGE, LOOK = OpenRun(True, True, False), OpenRun(False, True, False)
STARTED, STARTED_LOOK = OpenRun(True, True, True), OpenRun(False, True, True)
EARLIER_BOOT = OpenRun(True, False, False)
NOTHING = RunStatus()
BEGUN = RunStatus(known=True, begun=True, same_boot=True)


@pytest.mark.parametrize(
    ("run", "status", "expected"),
    [
        pytest.param(CHANGE, NOTHING, Verdict.START, id="intended, then we died"),
        pytest.param(
            CHANGE,
            RunStatus(known=True),
            Verdict.START,
            id="only the folder is made",
        ),
        pytest.param(EARLIER_BOOT, NOTHING, Verdict.FAIL, id="intended, then power loss"),
        pytest.param(
            STARTED,
            NOTHING,
            Verdict.INTERRUPT,
            id="its folder has gone",
        ),
        pytest.param(
            STARTED_LOOK,
            NOTHING,
            Verdict.FAIL,
            id="so has that of a plan",
        ),
        pytest.param(CHANGE, BEGUN, Verdict.INTERRUPT, id="a change was killed"),
        pytest.param(LOOK, BEGUN, Verdict.FAIL, id="a look or a plan was killed"),
        pytest.param(
            CHANGE,
            RunStatus(known=True, begun=True),
            Verdict.INTERRUPT,
            id="power loss during a change",
        ),
        pytest.param(
            CHANGE,
            RunStatus(known=True, begun=True, alive=True, same_boot=True),
            Verdict.FOLLOW,
            id="only we had died",
        ),
        pytest.param(
            EARLIER_BOOT,
            RunStatus(known=True, begun=True, ended=True),
            Verdict.TAKE_IN,
            id="it had ended before the power loss",
        ),
        pytest.param(
            CHANGE,
            RunStatus(known=True, begun=True, alive=True, ended=True, same_boot=True),
            Verdict.TAKE_IN,
            id="it is just going",
        ),
        pytest.param(
            CHANGE,
            RunStatus(known=True, begun=True, same_boot=True, left_over=TWO),
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
        (RunStatus(known=True), "never begun"),
        (NOTHING, "has gone, and with it every trace"),
        (RunStatus(known=True, begun=True), "machine was restarted"),
        (BEGUN, "was killed before it could write a result."),
        (
            RunStatus(known=True, begun=True, same_boot=True, left_over=TWO),
            "was killed before it could write a result; still running of what it had started:"
            " pg_dump (12), sh (13).",
        ),
        (
            RunStatus(known=True, begun=True, same_boot=True, left_over=("sh (1)",) * 7),
            "and 2 more.",
        ),
        (with_unit("oom-kill", "killed", "KILL"), "Memory ran out"),
        (with_unit("timeout", "killed", "KILL"), "within its time limit"),
        (with_unit("signal", "killed", "KILL"), "was ended by SIGKILL before"),
        (with_unit("core-dump", "dumped", "SEGV"), "was ended by SIGSEGV before"),
        (with_unit("exit-code", "exited", "3"), "ended with exit code 3 and without a result."),
        (with_unit("success", "killed", "TERM"), "was ended by SIGTERM before"),
        (with_unit("success", "exited", "0"), "ended with exit code 0 and without a result."),
        (with_unit("resources", "", ""), "was killed before it could write a result."),
    ],
)
def test_the_evidence_is_said_in_a_sentence(status: RunStatus, said: str) -> None:
    assert said in evidence(status)


def test_what_a_run_had_said_would_hold_is_told_in_its_newest_words(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert last_word(folder) == ""
    journal = JournalWriter(folder, Redactor(["s3cret-of-the-host"]), SystemClock())
    journal.fact(IF_LOST, "Nothing was changed.")
    journal.fact("snapshot", "20261123T150200Z-0123abcd")
    with journal.step("Swap"):
        journal.fact(IF_LOST, "Zulip may be stopped (s3cret-of-the-host).")
    assert last_word(folder) == " Zulip may be stopped ([hidden])."


def test_a_start_that_never_came_about_leaves_no_folder_either() -> None:
    assert evidence(NOTHING, was_started=False) == "The run was never begun."
