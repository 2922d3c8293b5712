"""Runs all examinations in turn and prints one line for each path."""

from collections.abc import Callable, Iterator
from pathlib import Path

from bot import exits
from bot.app import check_schedules
from bot.commands.registry import grammar_of
from bot.doctor.contract import Diagnosis, Examination, Verdict, failed, ok
from bot.doctor.drills import examine_drills
from bot.doctor.in_zulip import examine_zulip
from bot.doctor.keys import examine_custody, examine_keys
from bot.doctor.on_host import (
    examine_database,
    examine_deployment,
    examine_health,
    examine_launcher,
    examine_secrets,
    examine_state,
    examine_supervisor,
)
from bot.doctor.stores import examine_stores
from bot.settings import Settings, read_settings
from jobs.configuration_file import ConfigurationError

#: With the subject under which it is told what an examination could not even look at.
EXAMINATIONS: tuple[tuple[str, Examination], ...] = (
    ("zulip", examine_zulip),
    ("state", examine_state),
    ("launcher", examine_launcher),
    ("deployment", examine_deployment),
    ("supervisor", examine_supervisor),
    ("secrets", examine_secrets),
    ("health", examine_health),
    ("database", examine_database),
    ("stores", examine_stores),
    ("keys", examine_keys),
    ("recovery key", examine_custody),
    ("drills", examine_drills),
)


def examine(path: Path, say: Callable[[str], None]) -> int:
    """The exit code: 0 when nothing failed, 75 when all that failed may pass by itself, else 2."""
    try:
        settings = read_settings(path)
        check_schedules(settings, grammar_of(settings.configuration))
    except ConfigurationError as error:
        say(line(failed("configuration", error.message, error.hint)))
        return exits.CONFIGURATION
    say(line(ok("configuration", f"{path} can be used.")))
    code = 0
    for subject, examination in EXAMINATIONS:
        for diagnosis in _guarded(subject, examination, settings):
            say(line(diagnosis))
            if diagnosis.verdict is Verdict.FAILED and code != exits.CONFIGURATION:
                code = exits.TRY_AGAIN if diagnosis.passing else exits.CONFIGURATION
    return code


def _guarded(subject: str, examination: Examination, settings: Settings) -> Iterator[Diagnosis]:
    """An account without rights may not even look at what is there."""
    try:
        yield from examination(settings)
    except OSError as error:
        sentence = f"{error.filename or subject} cannot be used: {error.strerror or error}."
        yield failed(subject, sentence, "Run it by the account that runs the bot.")


def line(diagnosis: Diagnosis) -> str:
    """`ok       database: PostgreSQL 16.9 answers.`"""
    advice = f" {diagnosis.advice}" if diagnosis.advice else ""
    said = " ".join(f"{diagnosis.sentence}{advice}".split())
    return f"{diagnosis.verdict.value:<8} {diagnosis.subject}: {said}"
