"""What the reader can be asked about Zulip, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.zulip_api.readership import Readership
from bot.zulip_api.words import Message, Person


@dataclass(frozen=True, slots=True)
class PersonQuestion:
    """Who is this, at this moment?"""

    user_id: int


@dataclass(frozen=True, slots=True)
class PeopleQuestion:
    """Who are these, at this moment?"""

    user_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class MessageQuestion:
    """What does this message look like now, and who reacted with ✅ or ❌?

    Of those who reacted so, people are read only if they are in `voters`; without it, all of them.
    """

    message_id: int
    voters: frozenset[int] | None = None
    #: These are read whether they reacted or not.
    speakers: frozenset[int] = frozenset()
    #: Other messages on which the same decision hangs.
    others: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PlaceQuestion:
    """In which channel and topic does this message lie now?"""

    message_id: int


@dataclass(frozen=True, slots=True)
class HealthQuestion:
    """Does Zulip answer `/health` within a second? Asked once, never again."""


@dataclass(frozen=True, slots=True)
class ReadershipQuestion:
    """Who can read this channel?"""

    channel_id: int


Question = (
    PersonQuestion
    | PeopleQuestion
    | MessageQuestion
    | PlaceQuestion
    | HealthQuestion
    | ReadershipQuestion
)


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """The account as it is; None: the server knows no such person."""

    person: Person | None


@dataclass(frozen=True, slots=True)
class PeopleSeen:
    """Those of them that the server knows."""

    people: dict[int, Person]


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """The message with its reactions, and those of the people that the server knows."""

    message: Message
    #: Of the raw content in UTF-8, in hexadecimal.
    content_sha256: str
    people: dict[int, Person]
    #: The other messages that were asked for; None: there is no such message any more.
    others: dict[int, Message | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlaceSeen:
    """Where the message lies; no channel: it is a direct message."""

    channel_id: int | None
    topic: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The server says that there is no such message, or that the bot may not see it."""

    why: str


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """How long the answer took, or why there was none."""

    took: timedelta | None
    why: str | None


@dataclass(frozen=True, slots=True)
class ReadershipSeen:
    """Who can read the channel; None: the bot is not in it."""

    readership: Readership | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Nothing could be learnt in time. In doubt that is a no."""

    why: str


Seen = (
    PersonSeen
    | PeopleSeen
    | MessageSeen
    | PlaceSeen
    | Gone
    | HealthSeen
    | ReadershipSeen
    | Unreadable
)


@dataclass(frozen=True, slots=True)
class Observation:
    """An answer, and between which moments it was read."""

    question: Question
    seen: Seen
    fetch_started_at: datetime
    fetch_ended_at: datetime
