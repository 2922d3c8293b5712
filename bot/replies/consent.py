"""What is said about consent: who gave it, who took it back, what waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import code, listing, mentioned, moment, person, to_type

#: Why a request is void, by the cause that the rules give.
_VOID = {
    "other_policy": "The policy was changed after the plan was shown",
    "other_epoch": "Zulip's database was put back, so that its message ids mean other messages",
    "gone": "The plan message was deleted",
    "other_sender": "The plan message is not mine",
    "other_content": "The plan message is no longer what was posted",
    "edited": "The plan message was edited",
    "moved": "The plan message was moved",
    "command_gone": "The message with the command was deleted",
    "command_edited": "The message with the command was edited",
    "command_moved": "The message with the command was moved",
}
#: Why a vote does not count.
_IGNORED = {
    "asker": "whoever asked cannot be the other person",
    "unlisted": "the policy does not list them for this",
    "new": "that account is less than a week old",
    "account": "that account is deactivated, a guest's or a bot's",
}


def void_sentence(cause: str) -> str:
    """Why consent cannot come about any more."""
    why = _VOID.get(cause, f"The plan message is not what it was ({cause.replace('_', ' ')})")
    return f"{why}, so nothing was done."


@dataclass(frozen=True)
class VoteCounted(Reply, kind="vote_counted"):
    """Somebody consented, and more people are needed."""

    job: int
    by: Sequence[int]
    have: int
    needed: int

    def text(self) -> str:
        missing = self.needed - self.have
        more = "one more person has to" if missing == 1 else f"{missing} more people have to"
        return (
            f"{mentioned(self.by)} approved job #{self.job}: {self.have} of {self.needed}; "
            f"{more} approve it."
        )


@dataclass(frozen=True)
class VoteTakenBack(Reply, kind="vote_taken_back"):
    """A ✅ that had counted is gone."""

    job: int
    by: Sequence[int]
    have: int
    needed: int

    def text(self) -> str:
        return (
            f"{mentioned(self.by)} took the approval of job #{self.job} back: "
            f"{self.have} of {self.needed}."
        )


@dataclass(frozen=True)
class VoteIgnored(Reply, kind="vote_ignored"):
    """A reaction that does not count; said once a person."""

    job: int
    user_id: int
    why: str

    def text(self) -> str:
        return (
            f"The reaction of {mentioned([self.user_id])} to the plan of job #{self.job} does not "
            f"count: {_IGNORED[self.why]}."
        )


@dataclass(frozen=True)
class ConsentArmed(Reply, kind="consent_armed"):
    """There is enough consent; ❌ still stops it."""

    job: int
    by: Sequence[int]
    until: str

    def text(self) -> str:
        return (
            f"{mentioned(self.by)} approved job #{self.job}. It starts after {moment(self.until)}; "
            "until then ❌ on the plan still stops it."
        )


@dataclass(frozen=True)
class ConsentGiven(Reply, kind="consent_given"):
    """There is enough consent, and the job is queued."""

    job: int
    by: Sequence[int]

    def text(self) -> str:
        return f"{mentioned(self.by)} approved job #{self.job}."


@dataclass(frozen=True)
class ApprovalNoted(Reply, kind="approval_noted"):
    """What a command `approve` does."""

    job: int
    command: str

    def text(self) -> str:
        return (
            f"I count your approval of job #{self.job} ({code(self.command)}) for as long as your "
            "message stays as it is. Delete it to take it back before the job starts."
        )


@dataclass(frozen=True)
class RejectionNoted(Reply, kind="rejection_noted"):
    """What a command `reject` did."""

    job: int
    command: str

    def text(self) -> str:
        return f"Job #{self.job} ({code(self.command)}) is rejected. Nothing was done."


@dataclass(frozen=True)
class ApprovalList(Reply, kind="approvals"):
    """The plans that wait for somebody."""

    bot_name: str
    channel: str
    #: `job`, `command`, `effect`, `asker_name`, `asker_id`, `have`, `needed`, `who`, `expires_at`,
    #: `armed_until`, `card` (a message id or None).
    waiting: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        if not self.waiting:
            return "Nothing waits for approval."
        return "\n".join(self._line(one) for one in self.waiting)

    def _line(self, one: Mapping[str, Any]) -> str:
        asker = person(one["asker_name"], one["asker_id"])
        head = (
            f"- #{one['job']} {code(one['command'])} ({one['effect']}), asked by {asker}: "
            f"{one['have']} of {one['needed']}"
        )
        if one["armed_until"]:
            return f"{head}; starts after {moment(one['armed_until'])} unless somebody says ❌"
        how = to_type(self.bot_name, f"approve {one['job']}")
        return f"{head} of {mentioned(one['who'])}, until {moment(one['expires_at'])}. {how}"


@dataclass(frozen=True)
class PolicyShown(Reply, kind="policy"):
    """What is in force."""

    #: `name` and `people` (user ids) of each role.
    roles: Sequence[Mapping[str, Any]]
    #: `effect`, `ask`, `approve` (roles), `people`, `self_approval`, `confirms`, `yes`,
    #: `expires`, `arming` (worded), `windows`.
    effects: Sequence[Mapping[str, Any]]
    solo: bool
    sha256: str

    def text(self) -> str:
        lines = [f"- role *{role['name']}*: {_people(role['people'])}" for role in self.roles]
        lines += [self._line(effect) for effect in self.effects]
        if self.solo:
            lines.append(
                "- *solo*: the asker's own ✅ and the delay after it are enough for everything"
            )
        lines.append(f"Policy `{self.sha256[:12]}`, from zulip-ops.toml; only root changes it.")
        return "\n".join(lines)

    def _line(self, effect: Mapping[str, Any]) -> str:
        ask = listing([f"*{role}*" for role in effect["ask"]], "or") or "nobody"
        line = f"- **{effect['effect']}**: {ask} may ask"
        if effect["effect"] == "read":
            return line
        if effect["confirms"]:
            yes = " or `--yes`" if effect["yes"] else ""
            line += f"; the asker confirms with ✅{yes}"
        else:
            roles = listing([f"*{role}*" for role in effect["approve"]], "or") or "nobody"
            needed = effect["people"]
            approve = "1 person approves" if needed == 1 else f"{needed} people approve"
            asker = "the asker counts too" if effect["self_approval"] else "never the asker"
            line += f"; {approve} ({roles}; {asker})"
        line += f"; a plan is good for {effect['expires']}"
        if effect["windows"]:
            line += f"; it starts within {listing([code(one) for one in effect['windows']], 'or')}"
        return line + (f"; ❌ still stops it for {effect['arming']}" if effect["arming"] else "")


def _people(user_ids: Sequence[int]) -> str:
    return mentioned(user_ids) or "nobody"


@dataclass(frozen=True)
class Explained(Reply, kind="explained"):
    """Sentences that say how a decision comes about, each one link of it."""

    title: str
    sentences: Sequence[str]

    def text(self) -> str:
        return "\n".join([self.title, *(f"- {sentence}" for sentence in self.sentences)])


@dataclass(frozen=True)
class GlassBroken(Reply, kind="glass_broken"):
    """Root consented in the place of the people who would have had to."""

    job: int
    command: str
    by_name: str
    reason: str
    #: How often it may be done again within the same 24 hours.
    left: int

    def text(self) -> str:
        left = {0: "not again", 1: "once more"}.get(self.left, f"{self.left} times more")
        return (
            f"**Glass broken.** {self.by_name} agreed to job #{self.job} ({code(self.command)}) in "
            f"the place of the people who approve it: {code(self.reason)}\n"
            f"It starts without them. Within these 24 hours that is possible {left}."
        )


@dataclass(frozen=True)
class GlassIntact(Reply, kind="glass_intact"):
    """It was done too often of late."""

    is_refusal = True

    job: int
    uses: int
    again_at: str

    def text(self) -> str:
        return (
            f"The glass was broken {self.uses} times within 24 hours, and that is the most: job "
            f"#{self.job} waits for people. The next time is possible from {moment(self.again_at)}."
        )
