"""Acting as the people of a realm, and seeing what they would see; thread-safe."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TypeVar

from bot.demo.zulip.model import administering, editing, reacting
from bot.demo.zulip.model.channels import EVERYONE_POSTS, Channel
from bot.demo.zulip.model.clock import RealmClock
from bot.demo.zulip.model.people import Person, Role
from bot.demo.zulip.model.posting import Draft, post_direct, post_to_channel
from bot.demo.zulip.model.realm import Realm
from bot.demo.zulip.views import SeenMessage, seen

#: The client of people in a browser; what the page and most tests post with.
WEBSITE = "website"
Found = TypeVar("Found")


class Crowd:
    """People, channels and messages of one realm, without HTTP but through the same rules."""

    def __init__(self) -> None:
        self.clock = RealmClock()
        self.realm = Realm(self.clock)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)

    @contextmanager
    def changing(self) -> Iterator[Realm]:
        """The realm under its lock, for whatever has no method here."""
        with self._changed:
            yield self.realm
            self._changed.notify_all()

    # People and channels

    def add_person(
        self,
        name: str,
        email: str,
        *,
        role: Role = Role.MEMBER,
        is_bot: bool = False,
        is_active: bool = True,
        owner: Person | None = None,
    ) -> Person:
        with self.changing() as realm:
            person = realm.enrol(email, name, role)
            person.is_bot, person.is_active, person.owner = is_bot, is_active, owner
            return person

    def add_channel(
        self,
        name: str,
        *,
        description: str = "",
        private: bool = False,
        post_policy: int = EVERYONE_POSTS,
        creator: Person | None = None,
    ) -> Channel:
        new = administering.NewChannel(name, description, private, post_policy, creator)
        with self.changing() as realm:
            return administering.add_channel(realm, new)

    def subscribe(self, channel: Channel, *people: Person) -> None:
        with self.changing() as realm:
            administering.subscribe(realm, channel, people)

    def unsubscribe(self, channel: Channel, *people: Person) -> None:
        with self.changing() as realm:
            administering.unsubscribe(realm, channel, people)

    def change_role(self, person: Person, role: Role) -> None:
        with self.changing() as realm:
            administering.change_role(realm, person, role)

    def rename(self, person: Person, full_name: str) -> None:
        with self.changing() as realm:
            administering.rename_person(realm, person, full_name)

    def deactivate(self, person: Person) -> None:
        with self.changing() as realm:
            administering.deactivate(realm, person)

    def reactivate(self, person: Person) -> None:
        with self.changing() as realm:
            administering.reactivate(realm, person)

    # What people do

    def post(
        self,
        sender: Person,
        channel: Channel | str,
        topic: str,
        content: str,
        *,
        client: str = WEBSITE,
        timestamp: datetime | None = None,
    ) -> int:
        """Post as a person and return the message id; raises ApiError when Zulip would refuse."""
        draft = Draft(sender, content, client, timestamp)
        with self.changing() as realm:
            return post_to_channel(realm, draft, self._channel(channel), topic).id

    def post_direct(
        self, sender: Person, *recipients: Person, content: str, client: str = WEBSITE
    ) -> int:
        with self.changing() as realm:
            return post_direct(realm, Draft(sender, content, client), recipients).id

    def import_message(
        self, sender: Person, channel: Channel | str, topic: str, content: str, at: datetime
    ) -> int:
        """A message that comes with an import: an old time, a new id, and no event."""
        draft = Draft(sender, content, "ZulipDataImport", at, quiet=True)
        with self.changing() as realm:
            return post_to_channel(realm, draft, self._channel(channel), topic).id

    def react(self, person: Person, message_id: int, emoji_name: str) -> None:
        with self.changing() as realm:
            reacting.react(realm, person, message_id, reacting.choose(emoji_name))

    def unreact(self, person: Person, message_id: int, emoji_name: str) -> None:
        with self.changing() as realm:
            reacting.unreact(realm, person, message_id, reacting.choose(emoji_name))

    def edit(self, person: Person, message_id: int, content: str) -> None:
        """Raises ApiError when it is not theirs, or too late."""
        with self.changing() as realm:
            editing.edit(realm, person, message_id, editing.Change(content=content))

    def move(
        self,
        person: Person,
        message_id: int,
        *,
        topic: str | None = None,
        channel: Channel | None = None,
        mode: str = "change_all",
    ) -> None:
        """`mode` is Zulip's propagate_mode."""
        change = editing.Change(topic=topic, channel=channel, mode=mode)
        with self.changing() as realm:
            editing.edit(realm, person, message_id, change)

    def delete(self, person: Person, message_id: int) -> None:
        with self.changing() as realm:
            editing.delete(realm, person, message_id)

    # What people see

    def messages(
        self, channel: Channel | str | None = None, topic: str | None = None
    ) -> list[SeenMessage]:
        """Oldest first; without a channel also direct messages."""
        with self._lock:
            place = None if channel is None else self._channel(channel)
            return [
                seen(message)
                for message in self.realm.messages.values()
                if (place is None or message.channel is place)
                and (topic is None or message.topic.casefold() == topic.casefold())
            ]

    def message(self, message_id: int) -> SeenMessage | None:
        with self._lock:
            message = self.realm.messages.get(message_id)
            return None if message is None else seen(message)

    def wait_for(
        self,
        predicate: Callable[[SeenMessage], bool],
        timeout: timedelta = timedelta(seconds=5),
        *,
        after: int = 0,
    ) -> SeenMessage:
        """The first message beyond the id `after` that matches, now or when it comes.

        Raises TimeoutError.
        """

        def first() -> SeenMessage | None:
            newest_first = reversed(self.realm.messages.values())
            newer = list(takewhile(lambda m: m.id > after, newest_first))
            views = (seen(message) for message in reversed(newer))
            return next((view for view in views if predicate(view)), None)

        return self._wait(first, timeout)

    def wait_until(
        self, holds: Callable[[], bool], timeout: timedelta = timedelta(seconds=5)
    ) -> None:
        """Until `holds` is true of the server (looked at after each change); or TimeoutError."""
        self._wait(lambda: holds() or None, timeout)

    def _wait(self, look: Callable[[], Found | None], timeout: timedelta) -> Found:
        until = time.monotonic() + timeout.total_seconds()
        with self._changed:
            while (found := look()) is None:
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the simulated Zulip did not come to show it in time")
                # Calls and queues change without a notice, so look again now and then.
                self._changed.wait(min(left, 0.05))
            return found

    def _channel(self, channel: Channel | str) -> Channel:
        if isinstance(channel, Channel):
            return channel
        found = self.realm.channel_by_name(channel)
        if found is None:
            raise LookupError(f"there is no channel {channel}")
        return found
