"""What an examination of one path says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.settings import Settings
from handlers.errors import HostFailure, Reason


class Verdict(StrEnum):
    """How a path is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the doctor's report: what was tried, how it went, what to do."""

    subject: str
    verdict: Verdict
    sentence: str
    advice: str | None = None
    #: Something is away that may come back by itself; all other failures wait for a person.
    passing: bool = False


Examination = Callable[[Settings], Iterator[Diagnosis]]


def ok(subject: str, sentence: str) -> Diagnosis:
    return Diagnosis(subject, Verdict.OK, sentence)


def warning(subject: str, sentence: str, advice: str) -> Diagnosis:
    return Diagnosis(subject, Verdict.WARNING, sentence, advice)


def failed(subject: str, sentence: str, advice: str | None) -> Diagnosis:
    return Diagnosis(subject, Verdict.FAILED, sentence, advice)


def away(subject: str, sentence: str, advice: str | None) -> Diagnosis:
    """It does not answer, and the same way may work later."""
    return Diagnosis(subject, Verdict.FAILED, sentence, advice, passing=True)


def told(subject: str, failure: HostFailure, advice: str | None = None) -> Diagnosis:
    """What a tool or a store on the host said."""
    advice = failure.hint or advice
    if failure.reason is Reason.NOT_CONFIGURED:
        return failed(subject, failure.message, advice)
    return away(subject, failure.message, advice)
