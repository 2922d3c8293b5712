"""What an examination of one path says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.settings import Settings


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


Examination = Callable[[Settings], Iterator[Diagnosis]]


def ok(subject: str, sentence: str) -> Diagnosis:
    return Diagnosis(subject, Verdict.OK, sentence)


def warning(subject: str, sentence: str, advice: str) -> Diagnosis:
    return Diagnosis(subject, Verdict.WARNING, sentence, advice)


def failed(subject: str, sentence: str, advice: str | None = None) -> Diagnosis:
    return Diagnosis(subject, Verdict.FAILED, sentence, advice)
