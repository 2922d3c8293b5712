"""Runs all examinations in turn and prints one line for each path."""

from collections.abc import Callable
from pathlib import Path

from bot import exits
from bot.app import check_schedules
from bot.commands.registry import verbs
from bot.doctor.contract import Diagnosis, Examination, Verdict, failed, ok
from bot.doctor.in_zulip import examine_zulip
from bot.doctor.on_host import (
    examine_database,
    examine_launcher,
    examine_state,
    examine_stores,
    examine_zulip_installation,
)
from bot.grammar import Grammar
from bot.settings import read_settings
from jobs.configuration_file import ConfigurationError

EXAMINATIONS: tuple[Examination, ...] = (
    examine_zulip,
    examine_state,
    examine_launcher,
    examine_zulip_installation,
    examine_database,
    examine_stores,
)


def examine(path: Path, say: Callable[[str], None]) -> int:
    """The exit code: 0 when nothing failed, 2 when the configuration is wrong, else 1."""
    try:
        settings = read_settings(path)
        check_schedules(settings, Grammar(verbs()))
    except ConfigurationError as error:
        say(line(failed("configuration", error.message, error.hint)))
        return exits.CONFIGURATION
    say(line(ok("configuration", f"{path} can be used.")))
    worst = Verdict.OK
    for examination in EXAMINATIONS:
        for diagnosis in examination(settings):
            say(line(diagnosis))
            if diagnosis.verdict is Verdict.FAILED:
                worst = Verdict.FAILED
    return 1 if worst is Verdict.FAILED else 0


def line(diagnosis: Diagnosis) -> str:
    """`ok       database: PostgreSQL 16.9 answers.`"""
    advice = f" {diagnosis.advice}" if diagnosis.advice else ""
    return f"{diagnosis.verdict.value:<8} {diagnosis.subject}: {diagnosis.sentence}{advice}"
