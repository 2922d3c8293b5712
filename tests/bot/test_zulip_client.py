"""The door to Zulip: every end of a call has its type, over real HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

import pytest

from bot.demo.zulip.faults import Fault, Trouble
from bot.zulip_api.answers import (
    Ambiguous,
    Down,
    Heard,
    Ok,
    RateLimited,
    Rejected,
    Unauthorized,
    understand,
)
from bot.zulip_api.words import CHECK, CROSS, EYES, STOP, UNICODE_EMOJI, WORKING
from bot.zulip_api.zuliprc import ZuliprcError
from bot.zulip_client import USER_AGENT, ZulipClient
from tests.bot.stage import Stage, stage

OPEN = timedelta(milliseconds=300)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZULIP_CONFIG", "ZULIP_API_KEY", "ZULIP_EMAIL", "ZULIP_SITE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.fixture
def client(world: Stage) -> Iterator[ZulipClient]:
    made = world.client()
    yield made
    made.close()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def answering() -> Iterator["Answering"]:
    with Answering() as server:
        yield server


class Answering:
    """A web server that gives every request the same answer."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.requests.append(f"{self.command} {self.path}")
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def client(self) -> ZulipClient:
        return ZulipClient(site=self.url, email="ops@example.com", key="k")


# Making a client.


def test_client_is_made_at_once_while_nobody_listens() -> None:
    began = time.monotonic()
    client = ZulipClient(site=f"http://127.0.0.1:{unused_port()}", email="a@b.c", key="k")
    assert time.monotonic() - began < 2
    assert isinstance(client.me(), Down)
    assert isinstance(client.send_direct((1,), "x"), Down), "it was surely not sent"


def test_account_is_read_from_zuliprc(world: Stage, tmp_path: Path) -> None:
    client = ZulipClient(world.zulip.zuliprc(world.cast.bot, tmp_path / "zuliprc"))
    me = client.me()
    assert isinstance(me, Ok)
    assert me.value.id == world.cast.bot.id
    assert client.site == world.zulip.url
    client.close()


def test_variables_come_before_the_file(
    world: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.zulip.zuliprc(world.cast.bot, tmp_path / "zuliprc")
    monkeypatch.setenv("ZULIP_CONFIG", str(path))
    monkeypatch.setenv("ZULIP_API_KEY", "another-key")
    client = ZulipClient()
    assert isinstance(client.me(), Unauthorized)
    client.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("There is no", "zuliprc")),
        ("", ("no section [api]",)),
        ("[api]\nemail=a@b.c\nsite=https://z\n", ("`key`",)),
        ("[api]\nkey=x\nsite=https://z\n", ("`email`",)),
        ("[api]\nkey=x\nemail=a@b.c\n", ("`site`",)),
        ("[api]\nkey=\nemail=a@b.c\nsite=https://z\n", ("`key`",)),
        ("[api]\nkey=%z\nemail=a@b.c\nsite=https://z\n", ("`key`", "%")),
        ("[api]\nkey=x\nemail=a@b.c\nsite=ftp://z\n", ("`site`", "ftp://z")),
        ("[api]\nkey=x\nemail=a@b.c\nsite=https://\n", ("`site`",)),
        ("[api]\nkey=x\nemail=a@b.c\nsite=https://z\ninsecure=perhaps\n", ("`insecure`",)),
        ("[api]\nkey=x\nemail=a@b.c\nsite=https://z\ncert_bundle=/no/ca\n", ("/no/ca",)),
        ("key=x\n", ("is no zuliprc",)),
        ("[api]\nkey=\x00\xff", ("zuliprc",)),
    ],
)
def test_what_is_wrong_with_zuliprc_is_one_sentence_with_file_and_key(
    tmp_path: Path, content: str | None, words: tuple[str, ...]
) -> None:
    path = tmp_path / "zuliprc"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ZuliprcError) as caught:
        ZulipClient(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message


# How calls end.


def test_message_is_sent_edited_moved_and_read_back(world: Stage, client: ZulipClient) -> None:
    ops = world.cast.ops.id
    sent = client.send_to_channel(ops, "backup now · #1", "first")
    assert isinstance(sent, Ok)
    assert client.edit(sent.value, "second") == Ok(None)
    assert client.move_topic(sent.value, "✔ backup now · #1") == Ok(None)
    read = client.message(sent.value)
    assert isinstance(read, Ok)
    message = read.value
    assert (message.content, message.topic) == ("second", "✔ backup now · #1")
    assert (message.sender_id, message.channel_id) == (world.cast.bot.id, ops)
    assert message.edited
    assert message.moved
    assert {change.topic_before for change in message.changes} == {"backup now · #1", None}


def test_move_is_no_edit(world: Stage, client: ZulipClient) -> None:
    message_id = world.zulip.post(world.cast.iago, "ops", "here", "@ops status")
    world.zulip.move(world.cast.iago, message_id, topic="there")
    read = client.message(message_id)
    assert isinstance(read, Ok)
    assert (read.value.edited, read.value.moved) == (False, True)


def test_direct_message_has_participants_and_no_channel(world: Stage, client: ZulipClient) -> None:
    iago = world.cast.iago.id
    sent = client.send_direct((iago,), "hello")
    assert isinstance(sent, Ok)
    read = client.message(sent.value)
    assert isinstance(read, Ok)
    assert read.value.channel_id is None
    assert set(read.value.participants) == {iago, world.cast.bot.id}


@pytest.mark.parametrize("emoji", [EYES, CHECK, CROSS, WORKING, STOP])
def test_reactions_are_made_by_type_and_code(
    world: Stage, client: ZulipClient, emoji: object
) -> None:
    assert emoji in (EYES, CHECK, CROSS, WORKING, STOP)
    chosen = next(one for one in (EYES, CHECK, CROSS, WORKING, STOP) if one is emoji)
    message_id = world.zulip.post(world.cast.iago, "ops", "t", "x")
    assert client.react(message_id, chosen) == Ok(None)
    again = client.react(message_id, chosen)
    assert isinstance(again, Rejected)
    assert again.code == "REACTION_ALREADY_EXISTS"
    stored = world.zulip.message(message_id)
    assert stored is not None
    (mark,) = stored.reactions
    assert (mark.emoji_code, mark.reaction_type) == (chosen.code, UNICODE_EMOJI)
    read = client.message(message_id)
    assert isinstance(read, Ok)
    # Only the two that mean something are kept.
    assert len(read.value.reactions) == (chosen in (CHECK, CROSS))
    assert client.unreact(message_id, chosen) == Ok(None)
    missing = client.unreact(message_id, chosen)
    assert isinstance(missing, Rejected)
    assert missing.code == "REACTION_DOES_NOT_EXIST"


def test_people_and_channels_are_read(world: Stage, client: ZulipClient) -> None:
    person = client.person(world.cast.polonius.id)
    assert isinstance(person, Ok)
    assert (person.value.is_guest, person.value.is_bot, person.value.is_active) == (
        True,
        False,
        True,
    )
    assert isinstance(client.person(999_999), Rejected)
    channel = client.channel("OPS")
    assert isinstance(channel, Ok)
    assert (channel.value.id, channel.value.subscribed) == (world.cast.ops.id, True)
    world.zulip.add_channel("elsewhere", creator=world.cast.iago)
    elsewhere = client.channel("elsewhere")
    assert isinstance(elsewhere, Ok)
    assert not elsewhere.value.subscribed
    nowhere = client.channel("nowhere")
    assert isinstance(nowhere, Rejected)
    assert nowhere.code == "CHANNEL_UNKNOWN"


def test_registration_tells_version_and_edit_limit(world: Stage, client: ZulipClient) -> None:
    first = client.register()
    assert isinstance(first, Ok)
    assert first.value.zulip_version == "9.2"
    assert first.value.edit_limit == timedelta(seconds=600)
    assert first.value.long_poll == timedelta(seconds=90)
    assert [one.name for one in first.value.channels] == ["ops"]
    world.zulip.set_edit_limit(None)
    unlimited = client.register()
    assert isinstance(unlimited, Ok)
    assert unlimited.value.edit_limit is None
    world.zulip.allow_editing(allowed=False)
    off = client.register()
    assert isinstance(off, Ok)
    assert off.value.edit_limit == timedelta(0)


def test_upload_gives_a_path(client: ZulipClient) -> None:
    uploaded = client.upload("job-1.log", b"lines\n")
    assert isinstance(uploaded, Ok)
    assert uploaded.value.startswith("/user_uploads/")


def test_messages_are_read_by_id_and_newest_first_page(world: Stage, client: ZulipClient) -> None:
    ids = [world.zulip.post(world.cast.iago, "ops", "t", f"m{n}") for n in range(5)]
    narrow = (("channel", world.cast.ops.id),)
    page = client.messages_after(ids[1], 2, narrow)
    assert isinstance(page, Ok)
    assert [one.id for one in page.value.messages] == ids[2:4]
    assert not page.value.found_newest
    rest = client.messages_after(ids[3], 10, narrow)
    assert isinstance(rest, Ok)
    assert [one.id for one in rest.value.messages] == ids[4:]
    assert rest.value.found_newest
    newest = client.newest_messages(1)
    assert isinstance(newest, Ok)
    assert [one.id for one in newest.value.messages] == ids[4:]


@pytest.mark.parametrize("trouble", [Trouble.BAD_GATEWAY, Trouble.SERVER_ERROR, Trouble.CUT])
@pytest.mark.parametrize("after_effect", [True, False])
def test_broken_answer_is_ambiguous_for_effects_and_down_for_reads(
    world: Stage, client: ZulipClient, trouble: Trouble, after_effect: bool
) -> None:
    fault = Fault(trouble, after_effect=after_effect)
    world.zulip.faults.plan(fault, times=2)
    assert isinstance(client.send_to_channel(world.cast.ops.id, "t", "x"), Ambiguous)
    assert isinstance(client.me(), Down)
    posts = world.zulip.calls("POST", "/api/v1/messages")
    assert len(world.zulip.messages("ops", "t")) == (1 if after_effect else 0)
    assert len(posts) <= 1, "one call is one request"


def test_silence_is_ambiguous_for_effects_and_down_for_reads(
    world: Stage, client: ZulipClient
) -> None:
    world.zulip.faults.plan(Fault(Trouble.HANG), times=2)
    client.patience = OPEN
    assert isinstance(client.send_to_channel(world.cast.ops.id, "t", "x"), Ambiguous)
    assert isinstance(client.me(), Down)


def test_rate_limit_tells_how_long(world: Stage, client: ZulipClient) -> None:
    world.zulip.faults.plan(Fault(Trouble.RATE_LIMITED, wait=timedelta(seconds=7)))
    answer = client.send_to_channel(world.cast.ops.id, "t", "x")
    assert isinstance(answer, RateLimited)
    assert timedelta(seconds=5) < answer.after <= timedelta(seconds=8)


def test_deactivated_account_is_unauthorized(world: Stage, client: ZulipClient) -> None:
    world.zulip.deactivate(world.cast.bot)
    assert isinstance(client.me(), Unauthorized)


def test_redirect_is_refused_and_named(answering: Answering) -> None:
    answering.status, answering.headers = 301, {"location": "https://elsewhere.example/api"}
    answer = answering.client().send_direct((1,), "x")
    assert isinstance(answer, Rejected)
    assert answer.code == "REDIRECTED"
    assert not answer.is_final
    assert "https://elsewhere.example" in answer.message
    assert len(answering.requests) == 1, "a redirected POST would become a GET"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"result":"success"}',
        b'"success"',
        b'{"result":"success","id":true}',
        b'{"result":"success","id":"7"}',
        b"[" * 5000,
    ],
)
def test_garbage_is_no_success(answering: Answering, body: bytes) -> None:
    answering.body = body
    client = answering.client()
    assert isinstance(client.send_direct((1,), "x"), Ambiguous)
    for answer in (client.person(7), client.message(7), client.register(), client.poll("q", 0)):
        assert isinstance(answer, Down)


def test_answer_about_another_person_is_no_answer(world: Stage, answering: Answering) -> None:
    answering.body = (
        b'{"result":"success","user":{"user_id":8,"full_name":"x","email":"e","role":200,'
        b'"is_bot":false,"is_active":true,"is_guest":false,"is_admin":true,"is_owner":false,'
        b'"date_joined":"2026-11-23T12:55+00:00"}}'
    )
    assert isinstance(answering.client().person(8), Ok)
    assert isinstance(answering.client().person(9), Down)


@pytest.mark.parametrize(
    ("heard", "effect", "expected"),
    [
        (Heard(200, {"result": "success", "msg": ""}), True, Ok),
        (Heard(500, {"result": "success", "msg": ""}), True, Ambiguous),
        (Heard(500, {"result": "error", "msg": "Internal server error"}), False, Down),
        (Heard(400, {"result": "error", "msg": "no", "code": "BAD_REQUEST"}), True, Rejected),
        (Heard(405, {"result": "error", "msg": "no"}), True, Rejected),
        (Heard(413, None), True, Rejected),
        (Heard(429, None, "3.5"), True, RateLimited),
        (Heard(429, None, "nan"), True, RateLimited),
        (Heard(401, None), True, Unauthorized),
        (Heard(403, {"result": "error", "code": "REALM_DEACTIVATED"}), True, Unauthorized),
        (Heard(304, None), False, Down),
        (Heard(200, None), True, Ambiguous),
    ],
)
def test_every_answer_has_one_type(heard: Heard, effect: bool, expected: type[object]) -> None:
    assert isinstance(understand(heard, effect=effect), expected)


def test_text_that_cannot_be_sent_is_rejected(world: Stage, client: ZulipClient) -> None:
    assert isinstance(client.send_to_channel(world.cast.ops.id, "t", "half \ud83d"), Rejected)


def test_health_is_asked_without_the_key(world: Stage, client: ZulipClient) -> None:
    healthy = client.health()
    assert isinstance(healthy, Ok)
    assert healthy.value < timedelta(seconds=1)
    world.zulip.set_ready("PostgreSQL")
    assert isinstance(client.health(), Down)
    world.zulip.outages.refuse_connections()
    assert isinstance(client.health(), Down)


def test_sender_program_is_named(world: Stage, client: ZulipClient) -> None:
    message = client.send_to_channel(world.cast.ops.id, "t", "x")
    assert isinstance(message, Ok)
    seen = world.zulip.message(message.value)
    assert seen is not None
    assert seen.client == USER_AGENT.split("/")[0]


# Polling.


def test_poll_ends_when_another_thread_interrupts_it(client: ZulipClient) -> None:
    queue = client.register()
    assert isinstance(queue, Ok)
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(client.poll(queue.value.queue_id, -1)))
    thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    client.interrupt()
    thread.join(2)
    assert time.monotonic() - began < 2
    assert [type(one) for one in answers] == [Down]
    assert isinstance(client.me(), Ok), "the client is usable afterwards"


def test_quiet_poll_is_down_after_its_time(client: ZulipClient) -> None:
    queue = client.register()
    assert isinstance(queue, Ok)
    began = time.monotonic()
    assert isinstance(client.poll(queue.value.queue_id, -1, wait=OPEN), Down)
    assert time.monotonic() - began < 2
    assert client.poll(queue.value.queue_id, -1, wait=timedelta(0)) == Ok([])
    assert client.drop_queue(queue.value.queue_id) == Ok(None)
    gone = client.poll(queue.value.queue_id, -1, wait=timedelta(0))
    assert isinstance(gone, Rejected)
    assert gone.code == "BAD_EVENT_QUEUE_ID"
