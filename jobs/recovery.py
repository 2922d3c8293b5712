"""What becomes of a run whose end nobody saw: a verdict from what it left on the disk."""

from dataclasses import dataclass
from enum import StrEnum

from handlers.contract import IF_LOST
from jobs.launcher import RunStatus
from jobs.runs.journal_reader import JournalReader
from jobs.runs.records import RecordKind
from jobs.runs.run_folder import RunFolder
from jobs.runs.run_unit import UnitEnd

#: Of the processes that a lost run has left.
MOST_NAMED = 5


class Verdict(StrEnum):
    """What to do with a run that is open in the database."""

    TAKE_IN = "take_in"  # it left a result
    FOLLOW = "follow"  # it is under way
    START = "start"  # it was intended, and nothing was started
    FAIL = "fail"  # it is lost, and certainly changed nothing
    INTERRUPT = "interrupt"  # it is lost, and nobody can prove what it did


@dataclass(frozen=True, slots=True)
class OpenRun:
    """What the database says of a run that it has not seen the end of."""

    #: Whether the run carries a plan out that changes the host, and what it leaves counts.
    leaves_traces: bool
    #: Whether it was intended since the machine was started.
    intended_this_boot: bool
    #: Whether its start is recorded.
    was_started: bool


def verdict(run: OpenRun, status: RunStatus) -> Verdict:
    """In this order: a result is true whatever else there is; a runner that lives will tell."""
    if status.ended:
        return Verdict.TAKE_IN
    if status.alive:
        return Verdict.FOLLOW
    if not may_have_begun(status, was_started=run.was_started):
        return Verdict.START if run.intended_this_boot else Verdict.FAIL
    return Verdict.INTERRUPT if run.leaves_traces else Verdict.FAIL


def may_have_begun(status: RunStatus, *, was_started: bool) -> bool:
    """Whether a run that is lost can have done anything. A runner writes down that it took the run
    up before it does anything, so a folder that nobody claimed proves that it cannot; so does a
    start that never came about. A folder that has gone proves nothing."""
    return status.begun or (was_started and not status.known)


def evidence(status: RunStatus, *, was_started: bool = True) -> str:
    """The sentence that tells why a run counts as lost."""
    if was_started and not status.known:
        return "The folder of the run has gone, and with it every trace of what it did."
    if not status.begun:
        return "The run was never begun."
    if not status.same_boot:
        return "The machine was restarted while the run was under way."
    died = _died(status.unit_end)
    if status.left_over:
        return f"{died}; still running of what it had started: {_named(status.left_over)}."
    return f"{died}."


def last_word(folder: RunFolder) -> str:
    """What the run itself had said would hold if it is lost, to stand behind the evidence; empty
    where it said nothing, or its journal cannot be read."""
    said = ""
    try:
        for record in JournalReader(folder.journal_file).read():
            if record.kind is RecordKind.FACT and record.content.get("name") == IF_LOST:
                said = str(record.content.get("value"))
    except OSError:
        return ""
    return f" {said}" if said else ""


def _died(end: UnitEnd | None) -> str:
    """As systemd has seen it, where the run had a unit."""
    match end:
        case UnitEnd(result="oom-kill"):
            return "Memory ran out, and the kernel killed the run before it could write a result"
        case UnitEnd(result="timeout", cancelled=True):
            return "The run did not end when it was cancelled, and was killed"
        case UnitEnd(result="timeout"):
            return "The run did not end within its time limit, nor when told to, and was killed"
        case UnitEnd(code="killed" | "dumped", status=signal):
            return f"The run's process was ended by SIG{signal} before it could write a result"
        case UnitEnd(code="exited", status=code):
            return f"The run's process ended with exit code {code} and without a result"
        case _:
            return "The run's process was killed before it could write a result"


def _named(processes: tuple[str, ...]) -> str:
    """Not all of a hundred."""
    more = len(processes) - MOST_NAMED
    return ", ".join(processes[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
