"""A schedule takes the effect of what it will run, and runs nothing that makes no sense later."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.commands.contract import Answer, Command, Scene
from bot.grammar import Grammar, Parsed
from bot.understanding.inner_command import with_inner
from handlers.contract import Declaration, Effect, Kind, Parameter
from handlers.errors import BadCommand, Reason

COMMAND = Parameter("command", Kind.TEXT, "the command", '"backup now"', required=True)
WHAT = Parameter("what", Kind.TEXT, "what to look for", "it", positional=True)
NAME = Parameter("name", Kind.WORD, "its name", "nightly", positional=True, required=True)
ADD = Declaration(
    "schedule add",
    "Add a schedule",
    "m",
    Effect.ROUTINE,
    "schedule add nightly",
    (NAME, COMMAND),
    effect_of="command",
)


def no_answer(_scene: Scene, _arguments: Mapping[str, Any]) -> Answer:
    raise AssertionError("Nothing here is answered.")


def query(name: str, effect: Effect | None) -> Command:
    return Command(name, "What it does", effect, name, no_answer)


UPGRADE = Declaration("upgrade", "Upgrade", "m", Effect.DISRUPTIVE, "upgrade")
RESTORE = Declaration("restore", "Restore", "m", Effect.DESTRUCTIVE, "restore")
BACKUP = Declaration("backup now", "Back up", "m", Effect.ROUTINE, "backup now")
GRAMMAR = Grammar(
    (
        ADD,
        UPGRADE,
        RESTORE,
        BACKUP,
        query("status", Effect.READ),
        query("help", None),
        query("whoami", None),
        query("silence", Effect.ROUTINE),
        replace(query("hold", Effect.READ), acts=True),
        replace(query("logs", Effect.READ), parameters=(WHAT,)),
        replace(query("secrets", Effect.READ), only_in_channel=True),
    ),
    "ops",
)
OUTER = GRAMMAR.parse('schedule add nightly --command "x"')


@pytest.mark.parametrize(
    ("text", "effect", "canonical"),
    [
        ("upgrade", Effect.DISRUPTIVE, "upgrade"),
        ("Backup  NOW", Effect.ROUTINE, "backup now"),
        ("status", Effect.READ, "status"),
        # In free text it is a word like any other.
        ("logs of --yes", Effect.READ, "logs of --yes"),
    ],
)
def test_the_effect_is_that_of_the_inner_command(text: str, effect: Effect, canonical: str) -> None:
    assert with_inner(GRAMMAR, OUTER, text) == replace(
        OUTER,
        verb=replace(ADD, effect=effect),
        arguments={"name": "nightly", "command": canonical},
    )


def test_consent_in_the_inner_command_is_left_out() -> None:
    """What the asker would have said to the plan is said to the schedule instead."""
    completed = with_inner(GRAMMAR, OUTER, "backup now --yes")
    assert completed.arguments["command"] == "backup now"


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("help", "help"),
        ("backup --help", "help"),
        ("whoami", "whoami"),
        ("silence", "silence"),
        ("hold", "hold"),
        ("secrets", "secrets"),
        ("restore", "restore"),
        ("schedule add x --command upgrade", "schedule add"),
    ],
)
def test_what_makes_no_sense_later_is_refused(text: str, verb: str) -> None:
    with pytest.raises(BadCommand) as caught:
        with_inner(GRAMMAR, OUTER, text)
    assert caught.value.message == f"`{verb}` makes no sense in a schedule."
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert caught.value.hint == (
        "A schedule runs what only reads, or what becomes a job, such as `backup now`."
        " What is destructive is agreed to each time."
    )


def test_a_wrong_inner_command_is_told_with_its_own_sentence() -> None:
    with pytest.raises(BadCommand) as caught:
        with_inner(GRAMMAR, OUTER, "upgrade --fast")
    assert caught.value.message == (
        "The command in quotes: `upgrade` takes no `--fast`, only `--yes`."
    )
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert caught.value.hint == "For example: `@ops upgrade`."


def test_a_verb_that_has_no_inner_command_is_not_completed() -> None:
    with pytest.raises(AssertionError):
        with_inner(GRAMMAR, Parsed(BACKUP, {}, "backup now"), "status")
