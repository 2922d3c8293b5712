"""The realm: everything the simulated server remembers, and whom it tells about changes."""

import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.demo.zulip.model.channels import Channel
from bot.demo.zulip.model.clock import RealmClock
from bot.demo.zulip.model.messages import Message
from bot.demo.zulip.model.people import Person, Role

KEY_LENGTH = 32
#: How old an account is, unless somebody says otherwise.
LONG_AGO = timedelta(days=365)
DELETED_BY_EVERYONE = 5
DELETED_BY_ADMINISTRATORS = 2


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened, before each event queue turns it into its own event."""

    type: str
    body: Mapping[str, object]
    #: None tells everyone.
    recipients: frozenset[int] | None = None
    #: A new message; its event is made for each queue, rendered or raw.
    message: Message | None = None
    #: Flags of each recipient, for events that carry them.
    flags: Mapping[int, list[str]] = field(default_factory=dict)
    #: The queue of the sending client and its own name for the message.
    echo: tuple[str, str] | None = None


@dataclass(slots=True)
class Settings:
    """What an organization can set, as far as the bot depends on it."""

    name: str = "Ops Lab"
    zulip_version: str = "9.2"
    feature_level: int = 278
    server_generation: int = 0
    allow_message_editing: bool = True
    #: None is "any time".
    edit_limit: timedelta | None = timedelta(seconds=600)
    move_limit: timedelta | None = timedelta(days=7)
    delete_limit: timedelta | None = timedelta(seconds=600)
    delete_own_message_policy: int = DELETED_BY_EVERYONE


class Realm:
    """One organization; the rules that change it live in the modules beside this one."""

    def __init__(self, clock: RealmClock) -> None:
        self.clock = clock
        self.url = "http://127.0.0.1"
        self.settings = Settings(server_generation=int(clock.timestamp()))
        self.people: dict[int, Person] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.storage: dict[int, dict[str, str]] = {}
        self.tell: Callable[[Notice], None] = lambda notice: None
        self._direct_recipients: dict[frozenset[int], int] = {}
        self._last_message_id = 0
        self._last_recipient_id = 0
        self.notification_bot = self._add_system_bots()

    def _add_system_bots(self) -> Person:
        for name, email in (
            ("Email Gateway", "emailgateway@zulip.com"),
            ("Welcome Bot", "welcome-bot@zulip.com"),
            ("Notification Bot", "notification-bot@zulip.com"),
        ):
            bot = self.enrol(email, name)
            bot.is_bot = bot.is_system_bot = True
        return bot

    def enrol(self, email: str, full_name: str, role: Role = Role.MEMBER) -> Person:
        """An account with a key of its own, made long ago; nobody is told."""
        key = "".join(
            secrets.choice(string.ascii_letters + string.digits) for _ in range(KEY_LENGTH)
        )
        joined_at = self.clock.now() - LONG_AGO
        person = Person(len(self.people) + 1, email, full_name, key, joined_at, role)
        self.people[person.id] = person
        return person

    def members(self) -> list[Person]:
        """Everybody of this organization but Zulip's own bots, also whoever left; by address."""
        real = (p for p in self.people.values() if not (p.is_system_bot or p.realm))
        return sorted(real, key=lambda person: person.email)

    def person_by_email(self, email: str) -> Person | None:
        wanted = email.casefold()
        return next((p for p in self.people.values() if p.email.casefold() == wanted), None)

    def channel_by_name(self, name: str) -> Channel | None:
        wanted = name.casefold()
        return next((c for c in self.channels.values() if c.name.casefold() == wanted), None)

    def next_recipient_id(self) -> int:
        self._last_recipient_id += 1
        return self._last_recipient_id

    def direct_recipient_id(self, people: Iterable[Person]) -> int:
        group = frozenset(person.id for person in people)
        if group not in self._direct_recipients:
            self._direct_recipients[group] = self.next_recipient_id()
        return self._direct_recipients[group]

    def next_message_id(self) -> int:
        self._last_message_id += 1
        return self._last_message_id

    def rewind_message_ids(self, last: int) -> None:
        """Forget every message after `last` and count on from there, as a restore does."""
        self.messages = {key: value for key, value in self.messages.items() if key <= last}
        self._last_message_id = last

    def max_message_id(self, person: Person) -> int:
        """The newest message this person received, or -1."""
        newest_first = reversed(self.messages.values())
        return next((m.id for m in newest_first if person.id in m.flags), -1)

    def topic_messages(self, channel: Channel, topic: str) -> list[Message]:
        wanted = topic.casefold()
        return [
            message
            for message in self.messages.values()
            if message.channel is channel and message.topic.casefold() == wanted
        ]

    def seconds_since(self, moment: datetime) -> float:
        return (self.clock.now() - moment).total_seconds()
