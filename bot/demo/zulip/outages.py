"""Outages on request of a test: restarts, being away, lost queues, restored databases."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.realm import Notice
from bot.demo.zulip.queues import Queues
from bot.demo.zulip.serving import Front
from bot.demo.zulip.site_thread import SiteThread


class Outages:
    """What happens to the server as a whole; single requests are the business of Faults."""

    def __init__(self, front: Front, thread: SiteThread, lock: threading.RLock) -> None:
        self._front = front
        self._thread = thread
        self._lock = lock

    @property
    def _queues(self) -> Queues:
        return self._front.site.queues

    def go_down(self) -> None:
        """nginx still answers, Zulip does not: 502 for everything, also for polls in flight."""
        with self._lock:
            self._front.condition.is_down = True
            self._queues.interrupt_polls()

    def refuse_connections(self) -> None:
        """Nobody listens any more; what is connected is cut."""
        self._thread.refuse()

    def come_back(
        self, *, keep_queues: bool = True, version: tuple[str, int] | None = None
    ) -> None:
        """After `go_down` or `refuse_connections`: a new server generation, as after a restart."""
        with self._lock:
            settings = self._front.site.realm.settings
            settings.server_generation = max(
                settings.server_generation + 1, int(self._front.site.realm.clock.timestamp())
            )
            if version is not None:
                settings.zulip_version, settings.feature_level = version
            if keep_queues:
                self._tell_restart()
            else:
                self._queues.drop_all()
            self._front.condition.is_down = False
        self._thread.listen()

    def restart(self, *, keep_queues: bool = True, version: tuple[str, int] | None = None) -> None:
        """Down and up at once; polls in flight end with 502 (seen on 9.2)."""
        self.go_down()
        self.come_back(keep_queues=keep_queues, version=version)

    @contextmanager
    def away(self, *, keep_queues: bool = True, refused: bool = False) -> Iterator[None]:
        """Down, or refusing connections, while the block runs."""
        if refused:
            self.refuse_connections()
        else:
            self.go_down()
        try:
            yield
        finally:
            self.come_back(keep_queues=keep_queues)

    def lose_queues(self, owner: Person | None = None) -> int:
        """Drop the event queues of one person, or all; tells how many there were."""
        return self._queues.drop_all(owner)

    def rewind_message_ids(self, last: int) -> None:
        """Forget messages beyond `last`, so that the next one gets its number again."""
        with self._lock:
            self._front.site.realm.rewind_message_ids(last)

    def restore_backup(self, last: int, *, version: tuple[str, int] | None = None) -> None:
        """What restoring a backup shows: ids go backwards, queues are gone, a new generation."""
        self.go_down()
        self.rewind_message_ids(last)
        self.come_back(keep_queues=False, version=version)

    def duplicate_events(self, count: int = 1) -> None:
        """The next `count` events come twice, under two numbers."""
        with self._lock:
            self._queues.duplicate_next += count

    def redeliver(self, owner: Person, times: int = 1) -> None:
        """The person's next polls bring acknowledged events once more, under their old numbers."""
        with self._lock:
            for queue in self._queues.of(owner):
                queue.repeats += times

    @contextmanager
    def late_events(self) -> Iterator[None]:
        """While the block runs everything works but the events, which come afterwards."""
        with self._lock:
            self._queues.is_behind = True
        try:
            yield
        finally:
            self._queues.catch_up()

    def _tell_restart(self) -> None:
        settings = self._front.site.realm.settings
        restart = {
            "type": "restart",
            "zulip_version": settings.zulip_version,
            "zulip_merge_base": settings.zulip_version,
            "zulip_feature_level": settings.feature_level,
            "server_generation": settings.server_generation,
        }
        self._queues.push(Notice("restart", restart))
        reload_client = {"type": "web_reload_client", "immediate": False}
        self._queues.push(Notice("web_reload_client", reload_client))
