"""Decides whether a message is a command for the bot, and whether its sender may command at all."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.errors import Reason
from jobs.consent_rules import Voter

#: Older messages are offered for repeating and never run (imports, long gaps).
OLDEST_COMMAND = timedelta(minutes=10)
#: Zulip names these clients itself: mail, notices, and the mirrors that may forge a sender.
FOREIGN_CLIENTS = frozenset(
    {"internal", "zephyr_mirror", "irc_mirror", "jabber_mirror", "jabbermirror"}
)
#: Answering these could start an endless talk between two programs; they are only recorded.
UNANSWERED = frozenset({Reason.FOREIGN_CLIENT, Reason.OTHER_REALM, Reason.NOT_HUMAN})

_MENTION = re.compile(r"@\*\*([^*\n]+)\*\*")
_MENTION_BY_ID = re.compile(r"[^|]*\|([0-9]{1,18})")
#: A fence, a quote or an indented block, where Zulip shows text and not a command.
_BLOCK = re.compile(r" {4}| {0,3}(?:```|~~~|>|\t)")
_INDENT_OF_CODE = 4
#: Up to three blanks are nothing to Markdown.
_BEGINNINGS = ("@", " @", "  @", "   @")


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """What the gate needs of a message; `content` is the raw Markdown (apply_markdown=False)."""

    sender_id: int
    content: str
    #: None for direct messages.
    channel_id: int | None
    #: Everybody in the direct message, the sender included; 0 for a channel.
    recipients: int
    client: str
    #: `sender_realm_str`; the root realm's is the empty string.
    realm: str
    sent_at: datetime
    #: Zulip's own flag; None where it is not told.
    mentioned: bool | None = None
    edited: bool = False
    #: Moved from another channel or topic.
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Addressed:
    """A command for the bot: what follows the mention, not yet parsed, perhaps empty."""

    text: str


@dataclass(frozen=True, slots=True)
class NotForUs:
    """Something else that people write."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Addressed to the bot and not run; `text` is what would have been parsed."""

    reason: Reason
    sentence: str
    text: str


Judgement = Addressed | NotForUs | Refusal
NOT_FOR_US = NotForUs()


class Gate:
    """Knows who the bot is and where it listens."""

    def __init__(self, *, bot_id: int, bot_name: str, ops_channel_id: int, realm: str) -> None:
        self._bot_id = bot_id
        self._name = bot_name.casefold()
        self._ops_channel_id = ops_channel_id
        self._realm = realm
        # A letter after it would make `@ops` the beginning of another name.
        self._plain_mention = re.compile(rf"@{re.escape(bot_name)}(?![\w*-])", re.IGNORECASE)

    def judge(self, message: IncomingMessage, now: datetime) -> Judgement:
        """Whether this whole message is a command; the sender is judged by judge_person."""
        alone = message.recipients == 2 and message.channel_id is None
        # Nearly every message ends here.
        if not alone and not message.content.startswith(_BEGINNINGS):
            return NOT_FOR_US
        if message.sender_id == self._bot_id:
            return NOT_FOR_US
        rest = self._after_mention(message)
        if rest is None and not alone:
            return NOT_FOR_US
        if rest is None:
            rest = message.content
        text = rest.strip()
        found = self._why_not_message(message, now) or _why_not_text(rest)
        return Refusal(*found, text) if found else Addressed(text)

    def _after_mention(self, message: IncomingMessage) -> str | None:
        """What follows the mention of the bot with which the message begins."""
        start = message.content.lstrip(" ")
        if len(message.content) - len(start) >= _INDENT_OF_CODE:
            return None
        end = self._end_of_mention(start, message)
        if end is None:
            return None
        # "@ops, status" is how people write.
        return start[end + 1 if start[end : end + 1] in (",", ":") else end :].lstrip(" \t")

    def _end_of_mention(self, content: str, message: IncomingMessage) -> int | None:
        mention = _MENTION.match(content)
        if mention is None:
            return self._end_of_plain_mention(content, message)
        by_id = _MENTION_BY_ID.fullmatch(mention[1])
        if by_id is not None:
            # The id decides; the name before it may lie.
            return mention.end() if int(by_id[1]) == self._bot_id else None
        if mention[1].casefold() != self._name or message.mentioned is False:
            # Somebody else may bear the bot's name: then Zulip sets no flag.
            return None
        return mention.end()

    def _end_of_plain_mention(self, content: str, message: IncomingMessage) -> int | None:
        """A plain `@ops` is no mention to Zulip; it counts only where nobody else is talked to."""
        if message.channel_id is None:
            talks_to_us = message.recipients == 2
        else:
            talks_to_us = message.channel_id == self._ops_channel_id
        mention = self._plain_mention.match(content) if talks_to_us else None
        return None if mention is None else mention.end()

    def _why_not_message(
        self, message: IncomingMessage, now: datetime
    ) -> tuple[Reason, str] | None:
        age = now - message.sent_at
        if message.realm != self._realm:
            return Reason.OTHER_REALM, "I answer to people of this organization only."
        if message.client.casefold() in FOREIGN_CLIENTS:
            return Reason.FOREIGN_CLIENT, "I take no commands from mail or mirrors."
        if message.edited:
            return Reason.NOT_A_COMMAND, "I run no edited messages; please send it as a new one."
        if message.moved:
            return Reason.NOT_A_COMMAND, "I run no moved messages; please send it as a new one."
        if age > OLDEST_COMMAND:
            return Reason.TOO_OLD, "That is more than ten minutes old; please repeat it."
        if age < -OLDEST_COMMAND:
            return Reason.NOT_A_COMMAND, "That was sent in the future; please check the clocks."
        return None


def _why_not_text(rest: str) -> tuple[Reason, str] | None:
    if _BLOCK.match(rest):
        return Reason.UNREADABLE_TEXT, "I read no commands out of quotes and code blocks."
    if len(rest.rstrip().splitlines()) > 1:
        return Reason.UNREADABLE_TEXT, "A command is one line; please send that line alone."
    return None


def judge_person(person: Voter | None) -> Reason | None:
    """Why this sender may not command, or None; a person who could not be read is None and may not.

    `GET /users/{id}` answers for people of our own realm and for the system's bots alone.
    """
    if person is None:
        return Reason.UNREADABLE_PERSON
    if not person.is_human:
        return Reason.NOT_HUMAN
    if not person.is_active:
        return Reason.NOT_ACTIVE
    return Reason.GUEST if person.is_guest else None
