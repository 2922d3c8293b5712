"""Event queues: who gets what, until when, and how often."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import requests

from tests.bot.demo.world import World


def test_a_held_poll_is_answered_when_something_happens(world: World) -> None:
    world.zulip.queues.heartbeat = timedelta(seconds=30)
    queue = world.register(world.bot, "message")
    threading.Timer(0.1, world.say, ("wake up",)).start()
    response = world.poll(world.bot, queue, block=True)
    assert [event["message"]["content"] for event in response.json()["events"]] == ["wake up"]
    assert response.json()["queue_id"] == queue
    assert "X-RateLimit-Limit" not in response.headers


def test_events_come_again_until_a_higher_number_is_given(world: World) -> None:
    queue = world.register(world.bot, "message")
    for word in ("one", "two", "three"):
        world.say(word)
    assert [event["id"] for event in world.events(world.bot, queue)] == [0, 1, 2]
    assert [event["id"] for event in world.events(world.bot, queue)] == [0, 1, 2]
    assert [event["id"] for event in world.events(world.bot, queue, 1)] == [2]


def test_a_too_large_number_costs_the_events(world: World) -> None:
    queue = world.register(world.bot, "message")
    world.say("lost")
    assert world.poll(world.bot, queue, 7).json()["msg"] == "Event 7 was not in this queue"
    assert world.events(world.bot, queue, 0) == []


def test_a_second_poll_ends_the_first_with_nothing(world: World) -> None:
    world.zulip.queues.heartbeat = timedelta(seconds=30)
    queue = world.register(world.bot, "message")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(_held_poll, world, queue)
        world.zulip.wait_until(lambda: world.zulip.queues.of(world.bot)[0].waiter is not None)
        second = pool.submit(_held_poll, world, queue)
        assert first.result(5)["events"] == []
        world.say("for the second")
        assert len(second.result(5)["events"]) == 1


def _held_poll(world: World, queue: str) -> dict[str, list[object]]:
    body: dict[str, list[object]] = requests.get(
        world.zulip.url + "/api/v1/events",
        params={"queue_id": queue, "last_event_id": "-1"},
        auth=(world.bot.email, world.bot.api_key),
        timeout=10,
    ).json()
    return body


def test_silence_brings_a_heartbeat_with_a_number_of_its_own(world: World) -> None:
    queue = world.register(world.bot, "message")
    events = world.poll(world.bot, queue, block=True).json()["events"]
    assert events == [{"type": "heartbeat", "id": 0}]
    world.say("after it")
    assert [event["id"] for event in world.events(world.bot, queue, 0)] == [1]


def test_a_queue_that_is_polled_in_time_lives_on(world: World) -> None:
    queue = world.register(world.bot, "message")
    for _ in range(3):
        world.zulip.clock.advance(timedelta(minutes=9))
        assert world.poll(world.bot, queue).status_code == 200


def test_a_mention_reaches_a_bot_outside_a_public_channel_and_nothing_else_does(
    world: World,
) -> None:
    world.zulip.unsubscribe(world.ops, world.bot)
    queue = world.register(world.bot, "message")
    world.say("not for you")
    world.say(f"@**OPS-bot|{world.bot.id}** status")
    (event,) = world.events(world.bot, queue)
    assert event["message"]["content"] == f"@**OPS-bot|{world.bot.id}** status"
    assert event["flags"] == ["mentioned"]


def test_a_bot_gets_its_own_messages_with_its_own_name_for_them(world: World) -> None:
    queue = world.register(world.bot, "message")
    values = {"type": "stream", "to": "ops", "topic": "x", "content": "hi"}
    world.api(world.bot, "POST", "/messages", queue_id=queue, local_id="7.1", **values)
    (event,) = world.events(world.bot, queue)
    assert event["message"]["sender_id"] == world.bot.id
    assert event["local_message_id"] == "7.1"


def test_a_mention_made_by_an_edit_brings_only_the_edit(world: World) -> None:
    message = world.say("status")
    queue = world.register(world.bot, "message", "update_message")
    world.zulip.edit(world.alice, message, "@**ops-bot** status")
    (event,) = world.events(world.bot, queue)
    assert (event["type"], event["flags"]) == ("update_message", ["mentioned"])


def test_private_channels_and_direct_messages_stay_with_their_people(world: World) -> None:
    queue = world.register(world.bot, "message", all_public_streams=True)
    world.zulip.post(world.owner, world.secret, "x", "hidden from @**ops-bot**")
    world.zulip.post_direct(world.alice, world.bob, content="between us")
    assert world.events(world.bot, queue) == []


def test_moving_messages_tells_old_and_new_place(world: World) -> None:
    message = world.say("move me")
    queue = world.register(world.bot, "update_message")
    world.zulip.move(world.admin, message, topic="new", channel=world.announce)
    (event,) = world.events(world.bot, queue)
    assert (event["stream_id"], event["new_stream_id"]) == (world.ops.id, world.announce.id)
    assert (event["orig_subject"], event["subject"]) == ("deploys", "new")


def test_resolving_a_topic_moves_all_of_it_and_is_announced(world: World) -> None:
    first = world.say("one")
    world.say("two")
    world.zulip.move(world.alice, first, topic="✔ deploys")
    said = world.zulip.messages("ops", "✔ deploys")
    assert [message.content for message in said] == [
        "one",
        "two",
        f"@_**Alice|{world.alice.id}** has marked this topic as resolved.",
    ]
    assert said[-1].client == "Internal"
    assert world.zulip.messages("ops", "deploys") == []


def test_quick_requests_stay_quick_while_many_polls_are_held(world: World) -> None:
    world.zulip.queues.heartbeat = timedelta(seconds=30)
    queues = [world.register(world.bot, "message") for _ in range(40)]
    with ThreadPoolExecutor(40) as pool:
        polls = [pool.submit(_held_poll, world, queue) for queue in queues]
        world.zulip.wait_until(lambda: all(q.waiter for q in world.zulip.queues.of(world.bot)))
        started = time.perf_counter()
        for _ in range(100):
            world.call(None, "GET", "/api/v1/server_settings")
        milliseconds = (time.perf_counter() - started) * 10
        world.say("go home")
        assert all(len(poll.result(5)["events"]) == 1 for poll in polls)
    assert milliseconds < 50  # about 1 on an idle machine; the rest is for busy ones


def test_nothing_is_lost_or_doubled_between_heartbeats_and_posts(world: World) -> None:
    world.zulip.queues.heartbeat = timedelta(milliseconds=3)
    queue = world.register(world.bot, "message")
    words = [str(number) for number in range(200)]
    poster = threading.Thread(target=lambda: [world.say(word) for word in words])
    poster.start()
    heard: list[str] = []
    numbers: list[int] = []
    world.zulip.set_rate_limit(100_000)
    while len(heard) < len(words):
        last = numbers[-1] if numbers else -1
        for event in world.poll(world.bot, queue, last, block=True).json()["events"]:
            numbers.append(event["id"])
            if event["type"] == "message":
                heard.append(event["message"]["content"])
    poster.join()
    assert heard == words
    assert numbers == list(range(len(numbers)))
