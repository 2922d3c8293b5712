"""What is said when the channel, a topic or the bot's own key is not what it should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.replies.reply import Reply
from bot.replies.wording import code, listing, mentioned, to_type

_FEW = 5


@dataclass(frozen=True)
class ChannelOpened(Reply, kind="channel_opened"):
    """Who can read the ops channel that should not."""

    channel: str
    how: str  # "web", "public", "strangers" or "left"
    strangers: Sequence[int]

    def text(self) -> str:
        match self.how:
            case "web":
                return f"#**{self.channel}** can be read from the web, without an account."
            case "public":
                return f"#**{self.channel}** is public, so everybody here can read it."
            case "left":
                return (
                    f"I am no longer subscribed to #**{self.channel}**, so I cannot see who reads "
                    "it."
                )
        few, more = self.strangers[:_FEW], len(self.strangers) - _FEW
        others = f" and {more} more" if more > 0 else ""
        are = "is" if len(self.strangers) == 1 else "are"
        return (
            f"{mentioned(few)}{others} {are} in #**{self.channel}**, and no role of the policy "
            "lists them."
        )


@dataclass(frozen=True)
class TopicMoved(Reply, kind="topic_moved"):
    """Others may read now what a job has told so far."""

    job: int
    command: str
    channel: str

    def text(self) -> str:
        return (
            f"The topic of job #{self.job} ({code(self.command)}) was moved to another channel, "
            "where others may read what it has told so far. What it still has to tell comes in "
            f"#**{self.channel}**."
        )


@dataclass(frozen=True)
class KeyMisused(Reply, kind="key_misused"):
    """What was done with the bot's account by somebody else."""

    what: str  # "message", "reaction" or "plan"
    messages: Sequence[int]

    def text(self) -> str:
        did = {
            "message": "wrote",
            "reaction": "reacted to",
            "plan": "changed the plan in",
        }[self.what]
        listed = listing([str(one) for one in self.messages[:_FEW]])
        noun = "message" if len(self.messages) == 1 else "messages"
        return (
            f"My account {did} {noun} {listed}, and that was not me: somebody else has my key. "
            "Make a new key for me in Zulip, put it into zuliprc, restart me, and find out where "
            "the old one leaked."
        )


@dataclass(frozen=True)
class ReadOnlyBegan(Reply, kind="read_only_began"):
    """From now on nothing is changed on the word of anybody in Zulip, and what ends that."""

    bot_name: str
    id: int
    sentence: str
    #: `id` and `command` of each job that is void.
    void: Sequence[Mapping[str, Any]]
    #: Whether it is over by itself once its cause is.
    ends_itself: bool

    def text(self) -> str:
        jobs = listing([f"#{job['id']} ({code(job['command'])})" for job in self.void])
        closing = f'incident {self.id} close --reason "what was done about it"'
        until = (
            "Until that is put right"
            if self.ends_itself
            else f"Until somebody closes this with {to_type(self.bot_name, closing)}"
        )
        return (
            f"**Incident #{self.id}, critical.** {self.sentence}\n"
            f"Void now, whatever its consent: {jobs or 'nothing, since no job was waiting'}.\n"
            f"{until}, I take commands that read and that stop things. Root on the host is "
            "not held up."
        )


@dataclass(frozen=True)
class ReadOnly(Reply, kind="read_only"):
    """A command that would set something going is refused while an incident lasts."""

    bot_name: str
    command: str
    incident: int

    def text(self) -> str:
        return (
            f"{code(self.command)} would set something going, and I take nothing of that kind "
            f"while incident #{self.incident} is open. {to_type(self.bot_name, 'incidents')} says "
            "what happened and what ends it."
        )
