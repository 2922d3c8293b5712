"""What is said to somebody whose command is not carried out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.replies.reply import Reply
from bot.replies.wording import code, listing, moment

#: So many commands are repeated word for word.
LISTED_COMMANDS = 10


@dataclass(frozen=True)
class Refusal(Reply, kind="refusal"):
    """Why not, in one sentence, and what to do instead."""

    is_refusal = True

    message: str
    hint: str | None
    reason: str

    def text(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


@dataclass(frozen=True)
class NotPermitted(Reply, kind="not_permitted"):
    """Which role is missing."""

    is_refusal = True

    command: str
    needed: Sequence[str]
    held: Sequence[str]

    def text(self) -> str:
        if not self.needed:
            return (
                f"Nobody may run {code(self.command)} here: the policy names no role for it. "
                "Root adds one in zulip-ops.toml."
            )
        needed = listing([f"*{role}*" for role in self.needed], "or")
        roles = listing([f"*{role}*" for role in self.held])
        held = f"{'yours is' if len(self.held) == 1 else 'yours are'} {roles}" if roles else ""
        return (
            f"You may not run {code(self.command)}: it needs the role {needed}; "
            f"{held or 'you have none'}."
        )


@dataclass(frozen=True)
class NobodyCouldApprove(Reply, kind="nobody_could_approve"):
    """A command for which consent could never come about."""

    is_refusal = True

    command: str
    effect: str
    needed: int
    roles: Sequence[str]

    def text(self) -> str:
        others = "another person" if self.needed == 1 else f"{self.needed} other people"
        listed = listing([f"*{role}*" for role in self.roles], "or")
        known = f"{listed} lists too few besides you" if listed else "the policy names no role"
        return (
            f"{code(self.command)} is {self.effect}, so {others} would have to approve it, and "
            f"{known}. Root sets `approve` in zulip-ops.toml, below `[policy.{self.effect}]`."
        )


@dataclass(frozen=True)
class WrongPlace(Reply, kind="wrong_place"):
    """A command was asked for where it is not answered."""

    is_refusal = True

    command: str
    channel: str
    #: Whether it only reads, and so may also be asked for in a direct message.
    only_reads: bool = False

    def text(self) -> str:
        if self.only_reads:
            return (
                f"{code(self.command)} is answered in #**{self.channel}** and in direct messages; "
                "what it shows is nobody's business here."
            )
        return (
            f"{code(self.command)} changes the server, so ask for it in #**{self.channel}**, "
            "where others see it. Direct messages are for reading."
        )


@dataclass(frozen=True)
class TooOld(Reply, kind="too_old"):
    """Commands that were found long after they were written, or out of their place."""

    is_refusal = True

    commands: Sequence[str]
    #: When the first of them was.
    sent_at: str
    #: How many there are beyond those that are listed.
    more: int = 0

    def and_also(self, command: str) -> "TooOld":
        """One more; beyond a few they are only counted."""
        if len(self.commands) < LISTED_COMMANDS:
            return replace(self, commands=[*self.commands, command or "that"])
        return replace(self, more=self.more + 1)

    def text(self) -> str:
        names = [code(command) for command in self.commands]
        if len(names) == 1:
            return (
                f"I was away when you wrote {names[0]} at {moment(self.sent_at)}, and I run "
                "nothing that is older than ten minutes, edited or moved. "
                "Repeat it if you still want it."
            )
        listed = listing([*names, f"{self.more} more"] if self.more else names)
        return (
            f"While I was away you wrote {listed}, the first at {moment(self.sent_at)}. I run "
            "nothing that is older than ten minutes, edited or moved. Repeat what you still want."
        )


@dataclass(frozen=True)
class TooMany(Reply, kind="too_many"):
    """Somebody gave more commands than are taken in a minute."""

    is_refusal = True

    count: int
    limit: int
    #: When the next one is taken.
    free_at: str

    def text(self) -> str:
        left = "one more of yours; it has" if self.count == 1 else f"{self.count} more; they have"
        return (
            f"I take {self.limit} commands a minute from one person and did not take {left} no 👀. "
            f"The next may come at {moment(self.free_at)}."
        )
