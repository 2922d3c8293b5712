"""Understands the command inside a command: what a schedule will run, and with which effect."""

from dataclasses import replace

from bot.commands.contract import Command
from bot.grammar import Grammar, Parsed
from handlers.contract import Declaration, Effect
from handlers.errors import BadCommand, Reason


def with_inner(grammar: Grammar, outer: Parsed, text: str) -> Parsed:
    """The outer command with the inner one's effect; raises BadCommand with the inner sentence."""
    assert isinstance(outer.verb, Declaration)
    assert outer.verb.effect_of is not None
    try:
        inner = grammar.parse(text)
    except BadCommand as error:
        sentence = f"The command in quotes: {error.message}"
        raise BadCommand(sentence, reason=error.reason, hint=error.hint) from None
    if not _may_come_later(inner):
        raise BadCommand(
            f"`{inner.verb.name}` makes no sense in a schedule.",
            reason=Reason.BAD_ARGUMENT,
            hint="A schedule runs what only reads, or what becomes a job, such as `backup now`."
            " What is destructive is agreed to each time.",
        )
    assert inner.verb.effect is not None
    # What the asker would have said to the plan is said to the schedule instead.
    canonical = inner.canonical.removesuffix(" --yes") if inner.yes else inner.canonical
    arguments = {**outer.arguments, outer.verb.effect_of: canonical}
    return replace(outer, verb=replace(outer.verb, effect=inner.verb.effect), arguments=arguments)


def _may_come_later(inner: Parsed) -> bool:
    verb = inner.verb
    if inner.help_wanted:
        return False
    if isinstance(verb, Declaration):
        return verb.effect_of is None and verb.effect is not Effect.DESTRUCTIVE
    if not isinstance(verb, Command) or verb.effect is not Effect.READ:
        return False
    return not (verb.acts or verb.only_in_channel)
