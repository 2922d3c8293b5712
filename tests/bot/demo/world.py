"""A simulated server with the people and channels of the recordings, and a bare HTTP client."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import requests

from bot.demo.zulip.model.channels import ADMINISTRATORS_POST
from bot.demo.zulip.model.people import Person, Role
from bot.demo.zulip.server import SimulatedZulip

TIMEOUT_SECONDS = 10


class World:
    """The realm as it was when the recordings were made."""

    def __init__(self) -> None:
        self.zulip = SimulatedZulip(heartbeat=timedelta(seconds=0.2))
        add = self.zulip.add_person
        self.owner = add("Olivia Owner", "owner@example.com", role=Role.OWNER)
        self.admin = add("Adam Admin", "admin@example.com", role=Role.ADMINISTRATOR)
        self.mod = add("Mona Moderator", "mod@example.com", role=Role.MODERATOR)
        self.alice = add("Alice", "alice@example.com")
        self.bob = add("Bob", "bob@example.com")
        self.guest = add("Gus Guest", "guest@example.com", role=Role.GUEST)
        self.bot = add("ops-bot", "ops-bot@localhost", is_bot=True, owner=self.owner)
        self.humans = (self.owner, self.admin, self.mod, self.alice, self.bob, self.guest)
        self.ops = self.zulip.add_channel("ops", description="Operations", creator=self.owner)
        self.zulip.subscribe(self.ops, *self.humans, self.bot)
        self.announce = self.zulip.add_channel(
            "announce-only", post_policy=ADMINISTRATORS_POST, creator=self.owner
        )
        self.zulip.subscribe(self.announce, self.owner, self.alice, self.bot)
        self.secret = self.zulip.add_channel("secret", private=True, creator=self.owner)
        self.zulip.subscribe(self.secret, self.owner)
        for channel in (self.ops, self.announce, self.secret):
            self.zulip.post(self.owner, channel, "channel events", "hello")
        self.zulip.start()
        self.session = requests.Session()
        self.session.trust_env = False

    def close(self) -> None:
        self.session.close()
        self.zulip.stop()

    def call(
        self, who: Person | None, method: str, path: str, values: Mapping[str, object] | None = None
    ) -> requests.Response:
        """Parameters travel as Zulip's own client sends them."""
        form = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in (values or {}).items()
        }
        is_read = method == "GET"
        return self.session.request(
            method,
            self.zulip.url + path,
            params=form if is_read else None,
            data=None if is_read else form,
            auth=None if who is None else (who.email, who.api_key),
            timeout=TIMEOUT_SECONDS,
        )

    def api(self, who: Person, method: str, path: str, **values: object) -> dict[str, Any]:
        """The body of a call that is expected to succeed."""
        response = self.call(who, method, f"/api/v1{path}", values)
        body: dict[str, Any] = response.json()
        assert response.status_code == 200, body
        return body

    def authorized(self, header: str) -> requests.Response:
        return self.session.get(
            self.zulip.url + "/api/v1/users/me",
            headers={"Authorization": header},
            timeout=TIMEOUT_SECONDS,
        )

    def key(self, email: str, key: str) -> requests.Response:
        return self.authorized("Basic " + base64.b64encode(f"{email}:{key}".encode()).decode())

    def upload(self, who: Person, *files: tuple[str, bytes]) -> requests.Response:
        return self.session.post(
            self.zulip.url + "/api/v1/user_uploads",
            auth=(who.email, who.api_key),
            files=[(f"file{number}", each) for number, each in enumerate(files)],
            timeout=TIMEOUT_SECONDS,
        )

    def register(self, who: Person, *types: str, **values: object) -> str:
        body = self.api(who, "POST", "/register", event_types=list(types), **values)
        return str(body["queue_id"])

    def poll(
        self, who: Person, queue_id: str, last: int = -1, *, block: bool = False
    ) -> requests.Response:
        values = {"queue_id": queue_id, "last_event_id": last, "dont_block": not block}
        return self.call(who, "GET", "/api/v1/events", values)

    def events(self, who: Person, queue_id: str, last: int = -1) -> list[dict[str, Any]]:
        response = self.poll(who, queue_id, last)
        assert response.status_code == 200, response.text
        events: list[dict[str, Any]] = response.json()["events"]
        return events

    def say(self, content: str = "hello", who: Person | None = None, topic: str = "deploys") -> int:
        return self.zulip.post(who or self.alice, self.ops, topic, content)
