"""The simulated Zulip server as tests and the demo hold it: start, watch, set, break."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from bot.demo.zulip.api.asking import Site
from bot.demo.zulip.calls import Call
from bot.demo.zulip.crowd import Crowd
from bot.demo.zulip.faults import Faults
from bot.demo.zulip.model import administering
from bot.demo.zulip.model.people import Person
from bot.demo.zulip.model.realm import Notice
from bot.demo.zulip.outages import Outages
from bot.demo.zulip.page import add_page
from bot.demo.zulip.queues import HEARTBEAT, Queues
from bot.demo.zulip.serving import Front
from bot.demo.zulip.site_thread import HOST, SiteThread
from bot.demo.zulip.uploads import Uploads


class SimulatedZulip(Crowd):
    """One realm over real HTTP on the loopback; every method may be called from any thread."""

    def __init__(self, *, heartbeat: timedelta = HEARTBEAT, port: int = 0) -> None:
        super().__init__()
        self.queues = Queues(self.realm, self._lock, heartbeat)
        self.realm.tell = self._tell
        self.front = Front(Site(self.realm, self.queues, Uploads()), self._lock)
        self._thread = SiteThread(add_page(self.front))
        self._thread.port = port
        self.outages = Outages(self.front, self._thread, self._lock)

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

    def zuliprc(self, person: Person, path: Path) -> Path:
        """Write the file with which Zulip's own client logs in as this person."""
        text = f"[api]\nemail={person.email}\nkey={person.api_key}\nsite={self.url}\n"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

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

    def calls(
        self, method: str | None = None, path: str | None = None, user: Person | None = None
    ) -> list[Call]:
        """The requests answered so far."""
        return self.front.calls.matching(method, path, None if user is None else user.email)

    def forget_calls(self) -> None:
        self.front.calls.clear()
