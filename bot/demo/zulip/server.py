"""The simulated Zulip server as tests and the demo hold it: start, act as people, break things."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Self, TypeVar

from bot.demo.zulip.api.asking import Site
from bot.demo.zulip.calls import Call
from bot.demo.zulip.faults import Faults
from bot.demo.zulip.model import administering, editing, reacting
from bot.demo.zulip.model.channels import EVERYONE_POSTS, Channel
from bot.demo.zulip.model.clock import RealmClock
from bot.demo.zulip.model.people import Person, Role
from bot.demo.zulip.model.posting import Draft, post_direct, post_to_channel
from bot.demo.zulip.model.realm import Notice, Realm
from bot.demo.zulip.outages import Outages
from bot.demo.zulip.page import add_page
from bot.demo.zulip.queues import HEARTBEAT, Queues
from bot.demo.zulip.serving import Front
from bot.demo.zulip.site_thread import HOST, SiteThread
from bot.demo.zulip.uploads import Uploads
from bot.demo.zulip.views import SeenMessage, seen

#: Clients of people in a browser; what the page and most tests post with.
WEBSITE = "website"
Found = TypeVar("Found")


class SimulatedZulip:
    """One realm over real HTTP on the loopback; every method may be called from any thread."""

    def __init__(self, *, heartbeat: timedelta = HEARTBEAT, port: int = 0) -> None:
        self.clock = RealmClock()
        self.realm = Realm(self.clock)
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self.queues = Queues(self.realm, self._lock, heartbeat)
        self.realm.tell = self._tell
        self.front = Front(Site(self.realm, self.queues, Uploads()), self._lock)
        self._thread = SiteThread(add_page(self.front))
        self._thread.port = port
        self.outages = Outages(self.front, self._thread, self._lock)

    # Start and stop

    def start(self) -> Self:
        self.queues.loop = self._thread.loop
        self._thread.start()
        self.realm.url = self.url
        return self

    def stop(self) -> None:
        self._thread.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._thread.port}"

    @property
    def faults(self) -> Faults:
        return self.front.faults

    def _tell(self, notice: Notice) -> None:
        self.queues.push(notice)
        with self._changed:
            self._changed.notify_all()

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

    def zuliprc(self, person: Person, path: Path) -> Path:
        """Write the file with which Zulip's own client logs in as this person."""
        text = f"[api]\nemail={person.email}\nkey={person.api_key}\nsite={self.url}\n"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    # Settings of the server and the organization

    def set_version(self, version: str, feature_level: int) -> None:
        with self.changing() as realm:
            realm.settings.zulip_version = version
            realm.settings.feature_level = feature_level

    def set_edit_limit(self, limit: timedelta | None) -> None:
        """None allows edits at any time."""
        with self.changing() as realm:
            administering.set_edit_limit(realm, limit)

    def allow_editing(self, *, allowed: bool) -> None:
        with self.changing() as realm:
            administering.allow_editing(realm, allowed=allowed)

    def set_rate_limit(self, calls_per_minute: int) -> None:
        """200 on a real server; the counts start anew."""
        with self._lock:
            self.front.rate_limits.calls_per_window = calls_per_minute
            self.front.rate_limits.forget()

    def set_ready(self, missing: str | None = None) -> None:
        """What /health says: None is healthy, a sentence is 500 `SERVER_NOT_READY`."""
        self.front.condition.not_ready = missing

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

    def calls(
        self, method: str | None = None, path: str | None = None, user: Person | None = None
    ) -> list[Call]:
        """The requests answered so far."""
        return self.front.calls.matching(method, path, None if user is None else user.email)

    def forget_calls(self) -> None:
        self.front.calls.clear()

    def _channel(self, channel: Channel | str) -> Channel:
        if isinstance(channel, Channel):
            return channel
        found = self.realm.channel_by_name(channel)
        if found is None:
            raise LookupError(f"there is no channel {channel}")
        return found
