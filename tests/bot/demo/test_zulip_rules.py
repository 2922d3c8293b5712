"""The rules of the simulated realm: mentions, limits, clients, rights, and what is cut."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import zulip
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.demo.zulip.api.asking import client_name
from bot.demo.zulip.model.clock import RealmClock
from bot.demo.zulip.model.errors import ApiError
from bot.demo.zulip.model.mentions import find_mentions
from bot.demo.zulip.model.people import Role
from bot.demo.zulip.model.realm import Realm
from bot.demo.zulip.model.rendering import render
from tests.bot.demo.world import World

REALM = Realm(RealmClock())
OPS = REALM.enrol("ops-bot@example.com", "ops")
#: Every tag that rendering makes.
TAG = re.compile(
    r"</?(?:p|br|strong|em|del|code|pre|a|span|div|blockquote|ul|ol|li|h[1-6]|time|table|thead|"
    r"tbody|tr|th|td)(?: (?:class|href|title|role|datetime|start|data-[a-z-]+|aria-[a-z]+)"
    r'="[^"<>]*")*>'
)


@pytest.mark.parametrize(
    "text",
    [
        "@**ops** status",
        f"@**ops|{OPS.id}** status",
        "@**OPS** status",
        "please ask (@**ops**)",
        "```spoiler plan\n@**ops** status\n```",
        "```python\ncode\n```\n@**ops** status",
    ],
)
def test_these_texts_mention_the_bot(text: str) -> None:
    assert find_mentions(text, [OPS]).people == {OPS.id}


@pytest.mark.parametrize(
    "text",
    [
        "@ops status",
        "@_**ops** status",
        "`@**ops** status`",
        "```\n@**ops** status\n```",
        "~~~ text\n@**ops** status",
        "```quote\n@**ops** status\n```",
        "> @**ops** status\nstill the quote",
        "mail@**ops**",
        "@**ops|9999** status",
        "@**opsy** status",
    ],
)
def test_these_texts_mention_nobody(text: str) -> None:
    assert find_mentions(text, [OPS]).people == frozenset()


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="<>&\"'`*_@[]()!/:#|~- \nabopsjt1.;=", max_size=80))
def test_nothing_of_a_text_becomes_markup_of_its_own(text: str) -> None:
    bare = TAG.sub("", render(text, [OPS]))
    assert "<" not in bare
    assert not re.search(r'href="(?!https?://|mailto:|/user_uploads/|/?#narrow/)', render(text, []))


def test_rendering_shows_what_a_bot_writes() -> None:
    text = "**bold** `a<b` @**ops** :check: <time:2026-11-23T12:00:00Z> [x](https://example.com)"
    html = render(text, [OPS])
    for part in (
        "<strong>bold</strong>",
        "<code>a&lt;b</code>",
        f'<span class="user-mention" data-user-id="{OPS.id}">@ops</span>',
        "emoji-2705",
        '<time datetime="2026-11-23T12:00:00Z">',
        '<a href="https://example.com">x</a>',
    ):
        assert part in html


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("ZulipPython/0.9.1 (Debian; 12)", "ZulipPython"),
        ("python-requests/2.34.2", "python-requests"),
        ("lab-demo (Debian; 12)", "lab-demo"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "website"),
        (None, "Unspecified"),
    ],
)
def test_the_client_of_a_message_comes_from_the_user_agent(agent: str | None, name: str) -> None:
    assert client_name(agent, None) == name


def test_long_messages_and_topics_are_cut_in_silence(world: World) -> None:
    number = world.say("b" * 10_001, topic="t" * 61)
    message = world.zulip.message(number)
    assert message is not None
    assert len(message.content) == 10_000
    assert message.content.endswith("b\n[message truncated]")
    assert message.topic == "t" * 57 + "..."


def test_events_have_a_limit_of_their_own(world: World) -> None:
    world.zulip.set_rate_limit(2)
    queue = world.register(world.bot, "message")
    assert world.poll(world.bot, queue).headers["X-RateLimit-Remaining"] == "1"
    assert world.call(world.bot, "GET", "/api/v1/users/me").status_code == 200
    refused = world.call(world.bot, "GET", "/api/v1/users/me")
    assert refused.status_code == 429
    assert refused.json()["retry-after"] == pytest.approx(60, abs=2)
    assert world.poll(world.bot, queue).status_code == 200


def test_two_hundred_calls_a_minute_and_then_again_after_it(world: World) -> None:
    statuses = [world.call(world.bot, "GET", "/api/v1/users/me").status_code for _ in range(201)]
    assert statuses == [200] * 200 + [429]
    assert world.call(world.alice, "GET", "/api/v1/users/me").status_code == 200
    world.zulip.clock.advance(timedelta(seconds=61))
    assert world.call(world.bot, "GET", "/api/v1/users/me").status_code == 200


def test_a_second_reaction_keeps_the_name_of_the_first(world: World) -> None:
    number = world.say()
    world.zulip.react(world.bob, number, "thumbs_up")
    world.zulip.react(world.alice, number, "+1")
    message = world.zulip.message(number)
    assert message is not None
    assert [reaction.emoji_name for reaction in message.reactions] == ["thumbs_up"] * 2
    assert message.has_reaction("1f44d", world.alice.id)


def test_a_bot_posts_where_its_owner_may(world: World) -> None:
    world.zulip.post(world.bot, world.secret, "x", "owner is in")
    with pytest.raises(ApiError, match="Not authorized"):
        world.zulip.post(world.alice, world.secret, "x", "let me in")
    world.zulip.change_role(world.owner, Role.MEMBER)
    with pytest.raises(ApiError, match="Only organization administrators"):
        world.zulip.post(world.bot, world.announce, "x", "owner lost the right")


def test_history_of_a_private_channel_stays_with_those_in_it(world: World) -> None:
    number = world.zulip.post(world.owner, world.secret, "x", "hidden")
    response = world.call(world.bot, "GET", f"/api/v1/messages/{number}")
    assert response.json()["msg"] == "Invalid message(s)"


def test_a_person_without_the_message_reads_it_as_history(world: World) -> None:
    world.zulip.unsubscribe(world.ops, world.bot)
    number = world.say("public")
    found = world.api(world.bot, "GET", f"/messages/{number}", apply_markdown=False)["message"]
    assert found["flags"] == ["read", "historical"]
    values = {"anchor": "newest", "num_before": 5, "num_after": 0}
    everywhere = world.api(world.bot, "GET", "/messages", **values)["messages"]
    assert number not in [message["id"] for message in everywhere]
    narrow = [{"operator": "channel", "operand": "ops"}]
    in_ops = world.api(world.bot, "GET", "/messages", narrow=narrow, **values)["messages"]
    assert number in [message["id"] for message in in_ops]


def test_pages_of_messages_say_what_lies_on_either_side(world: World) -> None:
    numbers = [world.say(str(n)) for n in range(10)]
    narrow = [["channel", "ops"], ["topic", "deploys"]]
    values = {"anchor": numbers[4], "num_before": 2, "num_after": 2, "narrow": narrow}
    page = world.api(world.bot, "GET", "/messages", **values)
    assert [message["id"] for message in page["messages"]] == numbers[2:7]
    assert (page["found_anchor"], page["found_oldest"], page["found_newest"]) == (
        True,
        False,
        False,
    )
    page = world.api(world.bot, "GET", "/messages", **{**values, "num_after": 9})
    assert page["found_newest"]


def test_unknown_parameters_are_reported(world: World) -> None:
    number = world.say("hi", world.bot)
    body = world.api(world.bot, "PATCH", f"/messages/{number}", content="x", message_id=number)
    assert body["ignored_parameters_unsupported"] == ["message_id"]


def test_files_go_up_and_come_down(world: World) -> None:
    url = world.upload(world.bot, ("output of job 12.log", b"line\n")).json()["url"]
    assert url.endswith("/output-of-job-12.log")
    assert world.call(world.bot, "GET", url).content == b"line\n"
    assert world.call(None, "GET", url).status_code == 403
    temporary = world.api(world.alice, "GET", url)["url"]
    assert world.call(None, "GET", temporary).content == b"line\n"
    world.zulip.clock.advance(timedelta(seconds=61))
    assert world.call(None, "GET", temporary).status_code == 404


def test_the_real_client_works_with_a_zuliprc(world: World, tmp_path: Path) -> None:
    path = world.zulip.zuliprc(world.bot, tmp_path / "zuliprc")
    assert path.stat().st_mode & 0o777 == 0o600
    client = zulip.Client(config_file=str(path), retry_on_errors=False)
    sent = client.send_message({"type": "stream", "to": "ops", "topic": "x", "content": "hello"})
    message = world.zulip.message(sent["id"])
    assert message is not None
    assert (message.sender, message.client) == ("ops-bot", "ZulipPython")
    found = world.zulip.wait_for(lambda m: m.topic == "x")
    assert found.id == sent["id"]
    with pytest.raises(TimeoutError):
        world.zulip.wait_for(lambda m: m.topic == "y", timeout=timedelta(seconds=0.05))


def test_calls_are_logged_for_assertions(world: World) -> None:
    world.call(world.bot, "GET", "/api/v1/users/me")
    world.call(world.alice, "GET", "/api/v1/nonexistent")
    assert [call.status for call in world.zulip.calls()] == [200, 404]
    (call,) = world.zulip.calls("GET", "/api/v1/users/me", world.bot)
    assert call.user == world.bot.email
    world.zulip.forget_calls()
    assert world.zulip.calls() == []
