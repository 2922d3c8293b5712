"""The list of commands that are answered at once, by hand, most used first."""

from bot.commands import (
    audit,
    backups,
    cancel,
    help,
    history,
    incidents,
    job,
    log,
    resolve,
    schedules,
    status,
    version,
    whoami,
)
from bot.commands.consent import approvals, approve, policy, policy_test, reject, why
from bot.commands.contract import Command
from bot.commands.holding import hold, hold_end, holds
from bot.commands.scheduling import acting
from bot.grammar import Grammar, Verb
from handlers.registry import DECLARATIONS
from jobs.configuration import Configuration

COMMANDS: tuple[Command, ...] = (
    status.COMMAND,
    backups.COMMAND,
    history.COMMAND,
    job.COMMAND,
    log.COMMAND,
    cancel.COMMAND,
    approvals.COMMAND,
    approve.COMMAND,
    reject.COMMAND,
    resolve.COMMAND,
    incidents.COMMAND,
    incidents.CLOSE,
    schedules.COMMAND,
    acting.RUN,
    acting.PAUSE,
    acting.RESUME,
    acting.REMOVE,
    hold.UNTIL,
    hold.FOR,
    hold_end.COMMAND,
    holds.COMMAND,
    audit.COMMAND,
    audit.VERIFY,
    whoami.COMMAND,
    help.COMMAND,
    version.COMMAND,
    why.COMMAND,
    policy.COMMAND,
    policy_test.COMMAND,
)


#: They change something, and schedules ask for them oftener than people do.
_NOW_AND_THEN = frozenset({"backup prune", "backup keep", "backup delete"})


def verbs() -> tuple[Verb, ...]:
    """Everything that can be typed, in the order in which help shows it: after `status` what
    changes the server, and last the operations that are asked for now and then."""
    first = [each for each in DECLARATIONS if each.changes_host and each.name not in _NOW_AND_THEN]
    others = [each for each in DECLARATIONS if each not in first]
    return (COMMANDS[0], *first, *COMMANDS[1:], *others)


def grammar_of(configuration: Configuration) -> Grammar:
    """All that can be said here: words that name a store are held to the stores there are."""
    return Grammar(verbs(), names={"store": [store.name for store in configuration.stores]})
